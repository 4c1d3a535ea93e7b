import { ZferryError } from '../errors.ts';
import type { TargetGlimpse } from '../hosts/target-facts.ts';
import { bookmarkName, snapshotName } from '../zfs/names.ts';
import type { Base } from '../zfs/send.ts';
import { deliverAndSettle } from './deliver-and-settle.ts';
import type { Delivery } from './delivery.ts';
import type { HeadStart, ShortBeginning } from './head-start.ts';
import type { Clean } from './memory.ts';
import { matchProblem, sourceProblem } from './plan.ts';
import { streamFor } from './series-stream.ts';
import type { ShortArrival } from './situation.ts';
import { lookAtSnapshot } from './survey.ts';
import { chooseWire, fitted } from './wire.ts';

/** A snapshot that the cycle went by is gone, or another one has its name: all has to be listed. */
export class BaseGone extends ZferryError {
  constructor({ kind, message, hint }: ZferryError, cause: unknown) {
    super(kind, message, hint, cause);
  }
}

/**
 * The base: its snapshot where that is there, because a stream that the target takes proves what it is, and then it may be
 * pruned by its name. Targets of one run have it in common, and the first to be done prunes it.
 */
const baseFor = (
  { share }: Pick<ShortArrival, 'share'>,
  { source, clean, base }: ShortBeginning,
): Base => {
  if (!(share.isAlone && source.hasNamed)) return { kind: 'bookmark', ...base };
  const { label, guid } = clean;
  return { kind: 'snapshot', label, guid, createtxg: base.createtxg, mark: undefined };
};

const deliveryOf = (
  arrival: ShortArrival,
  target: TargetGlimpse,
  beginning: ShortBeginning,
): Delivery => {
  const { dataset } = arrival.request.pair.source;
  const { label, source, pending } = beginning;
  const base = baseFor(arrival, beginning);
  const { guid, createtxg } = pending;
  return {
    stream: streamFor(arrival, base, label, source, undefined),
    sent: { label, guid, createtxg, mark: arrival.id },
    ...{ source, target, base, replaced: base.guid },
    made: [bookmarkName(dataset, pending.label), snapshotName(dataset, label)],
    ...{ before: [], isCargo: false, notes: [] },
  };
};

/** Throws {@link BaseGone} where a transfer has failed because the snapshot that it began with is not there any more. */
const findBase = async (
  { request, zfs, tether }: ShortArrival,
  { base }: Delivery,
  error: unknown,
): Promise<void> => {
  if (!(error instanceof ZferryError) || base?.kind !== 'snapshot' || tether.signal.aborted) return;
  const found = await lookAtSnapshot(zfs, request.pair.source.dataset, base.label);
  if (found?.guid !== base.guid) throw new BaseGone(error, error);
};

/**
 * A cycle that lists no snapshots: for a target that is as the last cycle left it. Answers what the next one may go by, or
 * that something is left to be done; undefined, with nothing changed, where all has to be listed.
 */
export const shortCycle = async (
  arrival: ShortArrival,
  headStart: HeadStart,
): Promise<Clean | 'unclean' | undefined> => {
  const { request, id, facts, from, story } = arrival;
  const { glimpse } = facts;
  const beginning = glimpse && headStart.offer(id, glimpse);
  if (glimpse === undefined || beginning === undefined) return undefined;
  const { source, clean } = beginning;
  const problem = sourceProblem(request, source) ?? matchProblem(request, source, glimpse);
  if (problem !== undefined) return undefined;
  const wire = chooseWire(request, facts, from);
  headStart.takeShort();
  const delivery = deliveryOf(arrival, glimpse, beginning);
  const fit = fitted(wire, request, source, delivery.stream);
  const { isDone } = await deliverAndSettle(arrival, delivery, fit, (error) =>
    findBase(arrival, delivery, error),
  );
  const { label, guid } = delivery.sent;
  return isDone && story.kept.length === 0 ? { ...clean, label, guid } : 'unclean';
};
