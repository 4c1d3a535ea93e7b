import { failure, type ZferryError } from '../../errors.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import { type DatasetName, type SnapshotLabel, snapshotName } from '../../zfs/names.ts';
import { retract } from '../retract.ts';
import type { BegunSituation, Situation } from '../situation.ts';
import { longestConvoy, type Passenger, passengersOf } from './convoy.ts';
import { emptyStory, type Ledger } from './ledger.ts';
import { type Member, memberRequest } from './members.ts';
import { makeReady } from './ready.ts';
import { factsOf, isNewHere } from './sight.ts';
import { foreignParents } from './strangers.ts';

/** The member's own part of what is at hand; undefined where it has no part in this snapshot. */
const memberSituation = (
  situation: Situation,
  member: Member,
  label: SnapshotLabel,
  listings: ReadonlyMap<DatasetName, SourceListing>,
  coming: ReadonlySet<string>,
): BegunSituation | undefined => {
  const listing = listings.get(member.pair.source.dataset);
  if (listing === undefined || !listing.snapshots.some((each) => each.label === label)) {
    return undefined;
  }
  const { request, id } = situation;
  const facts = factsOf(situation.facts, member, coming);
  // One that was replicated alone is there already, and to be kept current: primed it is as soon as it is there.
  const isThere = (facts.dataset?.snapshots.length ?? 0) > 0;
  const own = memberRequest(request, member, isNewHere(listing, id) && !isThere, listings);
  const made = [snapshotName(own.pair.source.dataset, label)];
  return {
    ...situation,
    request: own,
    facts,
    story: emptyStory(),
    beginning: { label, source: listing, made },
  };
};

/** A member that `prime` finds to be there. */
interface Primed {
  readonly situation: BegunSituation;
  readonly member: Member;
}

/**
 * Makes one member ready; answers its streams: none where there is nothing to send, which is written down. One that is
 * primed already goes to `primed`. `whyNotNew` is asked of one that its stream would make.
 */
const prepareOne = async (
  situation: BegunSituation,
  ledger: Ledger,
  member: Member,
  primed: Primed[],
  whyNotNew?: (member: Member) => Promise<ZferryError | undefined>,
): Promise<readonly Passenger[]> => {
  try {
    const problem = situation.facts.dataset === undefined ? await whyNotNew?.(member) : undefined;
    if (problem !== undefined) return await retract(situation, situation.beginning.made, problem);
    const ready = await makeReady(situation);
    if (ready.kind === 'to send') return passengersOf(situation, ready.delivery);
    const { beginning, request } = situation;
    if (ready.kind === 'by itself') ledger.leave({ member, request, beginning });
    else primed.push({ situation, member });
  } catch (error) {
    situation.tether.signal.throwIfAborted();
    ledger.fail(member, error, situation.story);
  }
  return [];
};

/** One that has no part in the snapshot: it was made after it, or is gone by now. Else somebody took the snapshot. */
const passBy = (
  { facts, id }: Situation,
  ledger: Ledger,
  label: SnapshotLabel,
  member: Member,
  listing: SourceListing | undefined,
): void => {
  const isThere = facts.dataset !== undefined && member.path === '';
  const isKnown = isThere || facts.below.has(member.pair.target.dataset);
  if (listing === undefined || (isNewHere(listing, id) && !isKnown)) ledger.drop(member);
  else ledger.fail(member, failure(`the new snapshot @${label} is gone again`), emptyStory());
};

/** All of them in their order, `size` at a time. */
const inParts = <T>(all: readonly T[], size: number): readonly (readonly T[])[] =>
  all.length <= size ? [all] : [all.slice(0, size), ...inParts(all.slice(size), size)];

/**
 * The members in steps of what one session can take: those that are there already, then the others level by level, each
 * behind what is above it.
 */
const inSteps = (
  { facts }: Situation,
  members: readonly Member[],
): readonly (readonly Member[])[] => {
  const levelOf = ({ pair, path }: Member): number => {
    const there = path === '' ? facts.dataset : facts.below.get(pair.target.dataset);
    return there === undefined ? 1 + path.split('/').filter(Boolean).length : 0;
  };
  const levels = [...Map.groupBy(members, levelOf)].toSorted(([a], [b]) => a - b);
  return levels.flatMap(([, level]) => inParts(level, longestConvoy));
};

/**
 * What becomes of members that are primed already: where all are, nothing is to be done. Else they get the new snapshot
 * with the others: it is the one that the log names for all of the tree.
 */
const preparePrimed = async (
  ledger: Ledger,
  primed: readonly Primed[],
  areOthers: boolean,
): Promise<readonly (readonly [Passenger, Member])[]> => {
  const prepared = await Promise.all(
    primed.map(async ({ situation, member }) => {
      const { request, zfs, share, beginning } = situation;
      if (areOthers) {
        const asRun = { ...situation, request: { ...request, intent: 'run' as const } };
        const own = await prepareOne(asRun, ledger, member, []);
        return own.map((passenger) => [passenger, member] as const);
      }
      await share.takeBack(zfs, beginning.made);
      ledger.close(member);
      ledger.primed += 1;
      return [];
    }),
  );
  return prepared.flat();
};

/** Makes the members ready, each by itself: one that cannot be sent keeps no other. */
export const prepareAll = async (
  situation: Situation,
  ledger: Ledger,
  label: SnapshotLabel,
  listings: ReadonlyMap<DatasetName, SourceListing>,
): Promise<Map<Passenger, Member>> => {
  const passengers = new Map<Passenger, Member>();
  const coming = new Set<string>();
  const primed: Primed[] = [];
  const whyNotNew = foreignParents(situation, listings);
  const open = ledger.members.filter((member) => ledger.isOpen(member));
  // Until a session is full: whether all are primed already is known of all of them only.
  for (const step of inSteps(situation, open)) {
    if (passengers.size >= longestConvoy) break;
    const ready = await Promise.all(
      step.map(async (member) => {
        const listing = listings.get(member.pair.source.dataset);
        const own = memberSituation(situation, member, label, listings, coming);
        if (own !== undefined) return await prepareOne(own, ledger, member, primed, whyNotNew);
        passBy(situation, ledger, label, member, listing);
        return [];
      }),
    );
    for (const [index, member] of step.entries()) {
      for (const passenger of ready[index] ?? []) {
        passengers.set(passenger, member);
        const { facts } = passenger.situation;
        if (facts.dataset === undefined) coming.add(member.pair.target.dataset);
      }
    }
  }
  const areOthers = passengers.size > 0 || ledger.isAnyDone;
  for (const [passenger, member] of await preparePrimed(ledger, primed, areOthers)) {
    passengers.set(passenger, member);
  }
  // What does not go along now is seen again by the next session.
  return new Map([...passengers].slice(0, longestConvoy));
};
