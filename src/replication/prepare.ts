import { failure } from '../errors.ts';
import { hostShown } from '../hosts/place.ts';
import type { HostFacts, TargetDataset, TargetGlimpse } from '../hosts/target-facts.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Snapshot, SourceGlimpse, SourceListing, SourceTraits } from '../zfs/listing.ts';
import { bookmarkName, type Guid, type SnapshotLabel, snapshotName } from '../zfs/names.ts';
import type { Base, Stream } from '../zfs/send.ts';
import { bookmarked, bookmarkOf, snapshotIn } from './bookmarking.ts';
import { cargoOf, isForeign, isUnfinishedPrime } from './carrying.ts';
import { goesRaw } from './encryption.ts';
import type { Beginning } from './head-start.ts';
import { newReplicaNotes } from './new-replica.ts';
import { originGuid, sharedOrigin } from './origin.ts';
import { overlapProblem } from './overlap.ts';
import { decide, decidePartial, type PartialPlan, sourceProblem, targetProblem } from './plan.ts';
import { abandoned } from './pruning.ts';
import type { Request } from './request.ts';
import { rollBack } from './rollback.ts';
import type { Share } from './shared-snapshot.ts';
import type { Arrival, Situation } from './situation.ts';
import { carryOutPruning, makeSnapshot } from './snapshot.ts';
import { parseStreamRecord, streamRecord } from './stream-record.ts';
import { lookAtSource, lookIntoToken } from './survey.ts';
import { streamProperty, targetIdOf } from './target-id.ts';
import { goesAsStored } from './wire.ts';

/** What is ready to be sent: the snapshot is there, and bookmarked for the target. */
export interface Delivery {
  /** The snapshots of others that are sent before it, each a step from the one before. */
  readonly before: readonly Delivery[];
  /** True for one of those, and for a stream of one that goes on: what the cycle is for is still to come. */
  readonly isCargo: boolean;
  readonly stream: Stream;
  readonly sent: Snapshot;
  /** With the new snapshot and its bookmark. */
  readonly source: SourceListing | SourceGlimpse;
  readonly target: TargetDataset | TargetGlimpse | undefined;
  readonly base: Base | undefined;
  /** guid of the base that the new snapshot replaces. */
  readonly replaced: Guid | undefined;
  /** Full names of what was made for this delivery and is worth nothing when it does not begin. */
  readonly made: readonly string[];
  /** What a reader of the log should know of it. */
  readonly notes: readonly string[];
}

/** Takes back what was made for nothing. Throws the reason; what could not be taken back is said with it. */
export const retract = async (
  { zfs, share }: { readonly zfs: Zfs; readonly share: Share },
  names: readonly string[],
  reason: unknown,
): Promise<never> => {
  const left = await share.takeBack(zfs, names);
  const [first] = left;
  if (first === undefined) throw reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  throw failure(
    `${message}; and ${first.name} is left: ${first.reason}`,
    `once it can go: ${zfs.paste(['zfs', 'destroy', first.name])}`,
    reason,
  );
};

/** The stream that takes the target from that base to that snapshot; without a base, a full one. */
export const streamFor = (
  { request, facts }: { readonly request: Request; readonly facts: HostFacts },
  base: Base | undefined,
  label: SnapshotLabel,
  source: SourceTraits,
  origin: string | undefined,
): Stream => {
  const raw = goesRaw(request, source);
  const asStored = raw || goesAsStored(request, source, facts);
  const { properties } = request;
  if (base === undefined) {
    const blocks = { label, largeBlocks: true, asStored, raw, properties };
    return origin === undefined
      ? { kind: 'full', ...blocks }
      : { kind: 'clone', origin, ...blocks };
  }
  const largeBlocks = parseStreamRecord(source.properties[0])?.largeBlocks === true;
  return { kind: 'incremental', base, label, largeBlocks, asStored, raw, properties };
};

/**
 * Bookmarks the new snapshot before a byte of it is sent, and the base too where this target has none of it
 * yet: of a target's two bookmarks the newer is pending, for every other pair that prunes this source.
 */
const record = async (
  situation: Situation,
  listed: SourceListing,
  base: Base | undefined,
  sent: Snapshot,
): Promise<SourceListing> => {
  if (base?.kind !== 'snapshot') return await bookmarked(situation, listed, sent, false);
  const withBase = await bookmarked(situation, listed, base, false);
  return await bookmarked(situation, withBase, sent, false);
};

/**
 * The base as it is sent from: by the target's own bookmark. Targets of one run have their base in common, and
 * whoever is faster prunes the snapshot, perhaps before zfs send has looked for it.
 */
const sturdy = (
  { request, id }: Situation,
  source: SourceListing,
  base: Base | undefined,
): Base | undefined => {
  const bookmark = base && bookmarkOf(source, id, base.guid);
  // zfs send of OpenZFS 0.8 takes no -p with a bookmark.
  if (bookmark === undefined || request.properties) return base;
  return { kind: 'bookmark', ...bookmark };
};

/** Records how the target's series is sent: as its first full send is. */
export const recordStream = async (
  { request, zfs, id, facts }: Arrival,
  source: SourceTraits,
): Promise<void> => {
  const { pair, partOf } = request;
  const { properties } = request;
  const record = streamRecord({ raw: goesRaw(request, source), properties });
  // A part of a tree may be asked for alone one day.
  const own = partOf && targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
  const ids = new Set(own === undefined ? [id] : [id, own]);
  const words = [...ids].map((each) => `${streamProperty(each)}=${record}`);
  await zfs.tell(['set', ...words, pair.source.dataset]);
};

/** Clears away what earlier cycles made in vain; answers the listing without their bookmarks. */
const withoutAbandoned = async (
  { request, zfs, id, facts, story }: Situation,
  source: SourceListing,
  sent: Snapshot,
  base: Base | undefined,
  cargo: readonly Snapshot[],
): Promise<SourceListing> => {
  const { series, keep, pair } = request;
  // What is sent on the way counts as there: its bookmark is needed anew.
  const arriving = [...(facts.dataset?.snapshots ?? []), ...cargo];
  const there = new Set(arriving.map(({ guid }) => guid));
  const question = { source, target: id, series, sent, keep, base: base?.guid, there };
  const pruning = abandoned(question);
  const left = await carryOutPruning(zfs, pair.source.dataset, pruning);
  story.kept = [...story.kept, ...left];
  const gone = new Set(
    [...pruning.bookmarks, ...pruning.snapshots].map(({ label }) => label as string),
  );
  return {
    ...source,
    snapshots: source.snapshots.filter(({ label }) => !gone.has(label)),
    bookmarks: source.bookmarks.filter(({ label }) => !gone.has(label)),
  };
};

/** The same for a first full send, and records how its series is sent. */
const recordFirst = async (
  situation: Situation,
  listed: SourceListing,
  sent: Snapshot,
): Promise<SourceListing> => {
  // In this order: where this is set, a snapshot made for the target was bookmarked for it too.
  const source = await bookmarked(situation, listed, sent, true);
  await recordStream(situation, source);
  return source;
};

/**
 * Bookmarks what is carried over before a byte of it is sent: the target may come no further than that, and somebody's
 * tool may destroy it here. What is gone already is left out.
 */
const recordCargo = async (
  situation: Situation,
  listed: SourceListing,
  cargo: readonly Snapshot[],
  priming: boolean,
): Promise<{ readonly source: SourceListing; readonly steps: readonly Snapshot[] }> => {
  let source = listed;
  const steps: Snapshot[] = [];
  for (const snapshot of cargo) {
    try {
      source = await bookmarked(situation, source, snapshot, priming);
      steps.push(snapshot);
    } catch (error) {
      const isGone = error instanceof Error && error.message.includes('does not exist');
      if (!isGone) throw error;
      situation.observer.step(`@${snapshot.label} is gone, and not carried over`);
    }
  }
  return { source, steps };
};

/** Lists the source with the new snapshot; leaves nothing behind when it throws. */
export const beginWith = async (situation: Situation, label: SnapshotLabel): Promise<Beginning> => {
  const { request, zfs, id } = situation;
  const { dataset } = request.pair.source;
  const made = [snapshotName(dataset, label)];
  try {
    return { label, source: await lookAtSource(zfs, dataset, id), made };
  } catch (error) {
    return await retract(situation, made, error);
  }
};

/** Makes the new snapshot, or takes the one of the other targets; leaves nothing behind when it throws. */
const beginNow = async (situation: Situation): Promise<Beginning> => {
  const { request, zfs, id, facts, share, observer } = situation;
  observer.step('making a snapshot');
  const taken = new Set(facts.dataset?.snapshots.map(({ label }) => label));
  const { label, isOwn } = await share.obtain(situation, taken);
  const beginning = await beginWith(situation, label);
  if (isOwn || beginning.source.snapshots.some((each) => each.label === label)) return beginning;
  // Connecting took so long that the next cycle of a faster target has pruned it.
  const { dataset } = request.pair.source;
  return await beginWith(situation, await makeSnapshot(zfs, dataset, request.series, id, taken));
};

/** Makes everything that the sending of the new snapshot needs; leaves nothing behind when it throws. */
export const prepareNew = async (
  situation: Situation,
  { label, source: listed, made }: Beginning,
): Promise<Delivery> => {
  const { request, id, facts } = situation;
  const { dataset } = request.pair.source;
  try {
    const plan = decide(request, listed, facts);
    if (plan.kind === 'refuse') throw plan.error;
    const base = plan.kind === 'full' ? undefined : plan.base;
    const sent = snapshotIn(listed, label);
    const origin = base === undefined ? await sharedOrigin(situation, listed) : undefined;
    const recorded =
      base === undefined
        ? await recordFirst(situation, listed, sent)
        : await record(situation, listed, base, sent);
    const cargo = cargoOf(request, listed, base, sent, facts.dataset);
    const cleared = await withoutAbandoned(situation, recorded, sent, base, cargo.snapshots);
    const isFirst = base === undefined;
    const primes = isFirst || isUnfinishedPrime(listed, id, base);
    const { source, steps } = await recordCargo(situation, cleared, cargo.snapshots, primes);
    const row = [...steps, sent];
    const bookmarksOf = (snapshots: readonly Snapshot[]) =>
      snapshots
        .map(({ guid }) => bookmarkOf(source, id, guid))
        .filter((bookmark) => bookmark !== undefined)
        .map((bookmark) => bookmarkName(dataset, bookmark.label));
    const deliveries = row.map((snapshot, index): Delivery => {
      const before = row[index - 1];
      const from = before === undefined ? base : { kind: 'snapshot' as const, ...before };
      return {
        stream: streamFor(
          situation,
          sturdy(situation, source, from),
          snapshot.label,
          listed,
          origin,
        ),
        ...{ sent: snapshot, source, target: facts.dataset, base: from, replaced: base?.guid },
        made: [...bookmarksOf(row.slice(index)), snapshotName(dataset, label)],
        ...{ before: [], isCargo: snapshot !== sent, notes: [] },
      };
    });
    const last = deliveries.pop() as Delivery;
    const notes = isFirst ? newReplicaNotes(request, listed, facts, origin) : [];
    return { ...last, before: deliveries, notes: [...notes, ...cargo.notes] };
  } catch (error) {
    return await retract(situation, made, error);
  }
};

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
