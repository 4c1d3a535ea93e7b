import { asZferryError } from '../../errors.ts';
import type { AgentSession } from '../../hosts/agent-session.ts';
import { limiter } from '../../hosts/limiter.ts';
import type { Situation } from '../situation.ts';
import type { Wire } from '../wire.ts';
import { type Arrived, type ConvoyEnd, convoy, type Passenger } from './convoy.ts';

/** What decides which lane something goes in. */
export interface Placed {
  readonly dataset: string;
  /** True for one that its stream makes: the dataset above it must be there. */
  readonly isNew: boolean;
}

const parentOf = (dataset: string): string => dataset.slice(0, dataset.lastIndexOf('/'));

/**
 * Spreads what is to be sent over at most so many lanes, whose first is the longest. What is of one dataset stays together, in
 * its order, and what is new goes behind what is new above it: `all` has each dataset behind the one above it.
 */
export const spread = <T>(
  all: readonly T[],
  placed: (one: T) => Placed,
  most: number,
): readonly (readonly T[])[] => {
  const groups = new Map<string, T[]>();
  const topOf = new Map<string, string>();
  for (const one of all) {
    const { dataset, isNew } = placed(one);
    const top = topOf.get(dataset) ?? ((isNew && topOf.get(parentOf(dataset))) || dataset);
    if (isNew) topOf.set(dataset, top);
    groups.set(top, [...(groups.get(top) ?? []), one]);
  }
  const lanes = Array.from({ length: Math.min(most, groups.size) }, (): T[] => []);
  for (const group of [...groups.values()].toSorted((a, b) => b.length - a.length)) {
    lanes.toSorted((a, b) => a.length - b.length)[0]?.push(...group);
  }
  return lanes.toSorted((a, b) => b.length - a.length);
};

const placed = ({ situation: { request, facts } }: Passenger): Placed => ({
  dataset: request.pair.target.dataset,
  isNew: facts.dataset === undefined,
});

/** Opens so many more sessions. Where one cannot be had, the others do; it is noted why. */
const openMore = async (
  { openLane, story, tether }: Situation,
  count: number,
): Promise<readonly AgentSession[]> => {
  const opening = await Promise.allSettled(Array.from({ length: count }, openLane));
  const sessions = opening.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const [refused] = opening.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  if (tether.signal.aborted) await closeAll(sessions);
  tether.signal.throwIfAborted();
  if (refused !== undefined) {
    const why = asZferryError(refused).message;
    story.notes.push(`${sessions.length + 1} datasets at a time, not ${count + 1}: ${why}`);
  }
  return sessions;
};

const closeAll = async (sessions: readonly AgentSession[]): Promise<void> => {
  await Promise.all(sessions.map((session) => session.close()));
};

/** The rate is one for all lanes. */
const shareOf = (wire: Wire, rate: number | undefined, lanes: number): Wire =>
  rate === undefined ? wire : { ...wire, limiter: limiter(rate / lanes) };

const total = (numbers: readonly number[]): number => numbers.reduce((sum, each) => sum + each, 0);

/**
 * Sends the streams of several members: one behind the other, or as the request has it in several such convoys side by
 * side, each in a session of its own. What one of them meets keeps no other.
 */
export const inLanes = async (
  situation: Situation,
  passengers: readonly Passenger[],
  wire: Wire,
  onArrived: Arrived,
): Promise<ConvoyEnd> => {
  const { request, observer } = situation;
  const wanted = spread(passengers, placed, request.tree?.parallel ?? 1).length;
  const more = await openMore(situation, wanted - 1);
  const lanes = spread(passengers, placed, more.length + 1);
  const sent = lanes.map(() => 0);
  const convoys = lanes.map((lane, index) => {
    const progress: typeof observer.progress = (now) => {
      sent[index] = now.sent;
      observer.progress({ ...now, sent: total(sent) });
    };
    const session = more[index - 1] ?? situation.session;
    const own = { ...situation, session, observer: { ...observer, progress } };
    return convoy(own, lane, shareOf(wire, request.rate, lanes.length), onArrived);
  });
  const settled = await Promise.allSettled(convoys);
  await closeAll(more);
  const ends = settled.map(
    (each): ConvoyEnd =>
      each.status === 'fulfilled'
        ? each.value
        : { broken: asZferryError(each.reason), results: new Map() },
  );
  return {
    broken: ends.find(({ broken }) => broken !== undefined)?.broken,
    results: new Map(ends.flatMap(({ results }) => [...results])),
  };
};
