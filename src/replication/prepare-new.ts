import type { Snapshot, SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type SnapshotLabel, snapshotName } from '../zfs/names.ts';
import type { Base } from '../zfs/send.ts';
import { bookmarked, bookmarkOf, snapshotIn } from './bookmarking.ts';
import { cargoOf, isUnfinishedPrime } from './carrying.ts';
import type { Delivery } from './delivery.ts';
import type { Beginning } from './head-start.ts';
import { newReplicaNotes } from './new-replica.ts';
import { sharedOrigin } from './origin.ts';
import { decide } from './plan.ts';
import { abandoned } from './pruning.ts';
import { retract } from './retract.ts';
import { recordStream, streamFor } from './series-stream.ts';
import type { Situation } from './situation.ts';
import { carryOutPruning, makeSnapshot } from './snapshot.ts';
import { lookAtSource } from './survey.ts';

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
export const beginNow = async (situation: Situation): Promise<Beginning> => {
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
