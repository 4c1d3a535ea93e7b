import { failure } from '../errors.ts';
import { hostShown } from '../hosts/place.ts';
import type { TargetDataset } from '../hosts/target-facts.ts';
import type { SourceListing } from '../zfs/listing.ts';
import type { Guid } from '../zfs/names.ts';
import type { Stream } from '../zfs/send.ts';
import { bookmarked } from './bookmarking.ts';
import { isForeign, isUnfinishedPrime } from './carrying.ts';
import type { Delivery } from './delivery.ts';
import { originGuid } from './origin.ts';
import { overlapProblem } from './overlap.ts';
import { decide, decidePartial, type PartialPlan, sourceProblem, targetProblem } from './plan.ts';
import { beginNow, prepareNew } from './prepare-new.ts';
import { rollBack } from './rollback.ts';
import type { Situation } from './situation.ts';
import { lookAtSource, lookIntoToken } from './survey.ts';

/** Makes ready what an interrupted cycle left half-way. */
export const prepareResume = async (
  situation: Situation,
  listed: SourceListing,
  target: TargetDataset,
  plan: PartialPlan & { kind: 'resume' },
): Promise<Delivery> => {
  const { token, snapshot: sent, fromGuid, asStored, raw } = plan;
  const stream: Stream = { kind: 'resume', token, asStored, raw };
  const source = await bookmarked(situation, listed, sent, fromGuid === undefined);
  const replaced = target.snapshots.find(({ guid }) => guid === fromGuid)?.guid;
  const isCargo = isForeign(situation.request, sent);
  return {
    ...{ stream, sent, source, target, base: undefined, replaced, made: [], notes: [] },
    ...{ before: [], isCargo },
  };
};

/** `--abort-partial`: says what it gives up, gives it up, and begins anew. */
const giveUpPartial = async (
  situation: Situation,
  source: SourceListing,
  { snapshots }: TargetDataset,
): Promise<Delivery | 'already primed'> => {
  const { request, session, observer } = situation;
  const problem = sourceProblem(request, source);
  if (problem !== undefined) throw problem;
  const { target } = request.pair;
  const name = `${target.dataset} on ${hostShown(target.host)}`;
  observer.announce(
    snapshots.length === 0
      ? `destroying ${name}, which is a first full send that was not finished`
      : `giving up the partial receive of ${name}; its snapshots stay`,
  );
  return await prepare({ ...situation, facts: await session.abortPartial() });
};

/** `--rollback` was given, and there is something to roll back: a first send that is not finished has no base. */
export const mustRollBack = (
  { request, wasRefused }: Situation,
  { written, snapshots }: TargetDataset,
): boolean => request.rollback && snapshots.length > 0 && (written > 0 || wasRefused === true);

/** `--rollback`: takes the target back to its snapshot of that guid, and begins anew. */
const afterRollback = async (
  situation: Situation,
  { snapshots }: TargetDataset,
  base: string | undefined,
): Promise<Delivery | 'already primed'> => {
  const { request } = situation;
  const to = snapshots.find(({ guid }) => guid === base);
  if (to === undefined) throw failure('the snapshot to roll back to is gone again');
  const facts = await rollBack(situation, to);
  return await prepare({ ...situation, request: { ...request, rollback: false }, facts });
};

/** The guid of the base that a cycle without a partial receive would start from. Throws the refusal. */
const baseOf = ({ request, facts }: Situation, source: SourceListing): Guid | undefined => {
  const plan = decide(request, source, facts);
  if (plan.kind === 'refuse') throw plan.error;
  return plan.kind === 'full' ? undefined : plan.base.guid;
};

/**
 * Decides what to send and makes it ready: goes on with a partial receive that is ours, gives up one that
 * can no longer be continued, or makes a new snapshot. The snapshot is made before the source is listed, so
 * that one listing tells its guid too. Throws the refusal, with nothing left behind.
 */
export const prepare = async (situation: Situation): Promise<Delivery | 'already primed'> => {
  const { request, session, zfs, id, facts, stuck, observer } = situation;
  const { dataset } = request.pair.source;
  const target = facts.dataset;
  const unfit = targetProblem(request, facts);
  if (unfit !== undefined) {
    // That the source is gone or was mistyped is the better reason, where it is so.
    await lookAtSource(zfs, dataset, id);
    throw (await overlapProblem(request, facts, situation.from, situation.tether)) ?? unfit;
  }
  // Before the source is looked at: what does not fit is gone again then.
  const early = await situation.headStart?.take(id, facts);
  if (target?.resumeToken !== undefined) {
    const source = await lookAtSource(zfs, dataset, id);
    if (request.abortPartial) return await giveUpPartial(situation, source, target);
    const contents = await lookIntoToken(zfs, target.resumeToken);
    const origin = await originGuid(zfs, source);
    const plan = decidePartial(request, source, target, contents, { origin, stuck: stuck?.token });
    if (plan.kind === 'refuse') throw plan.error;
    if (plan.kind === 'resume') {
      if (mustRollBack(situation, target)) {
        return await afterRollback(situation, target, plan.fromGuid);
      }
      observer.step(`going on with @${plan.snapshot.label} where it was interrupted`);
      return await prepareResume(situation, source, target, plan);
    }
    observer.step('giving up a partial receive that can no longer be continued');
    return await prepare({ ...situation, facts: await session.abortPartial() });
  }
  if (target !== undefined && mustRollBack(situation, target)) {
    const base = baseOf(situation, await lookAtSource(zfs, dataset, id));
    return await afterRollback(situation, target, base);
  }
  if (request.intent === 'prime' && target !== undefined) {
    const source = await lookAtSource(zfs, dataset, id);
    const plan = decide(request, source, facts);
    if (plan.kind === 'refuse') throw plan.error;
    if (plan.kind === 'already primed') {
      if (!isUnfinishedPrime(source, id, plan.base)) return plan.kind;
      return await prepare({ ...situation, request: { ...request, intent: 'run' } });
    }
  }
  return await prepareNew(situation, early ?? situation.beginning ?? (await beginNow(situation)));
};
