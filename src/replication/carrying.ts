import { posix } from 'node:path';
import type { TargetDataset } from '../hosts/target-facts.ts';
import type { Snapshot, SourceListing } from '../zfs/listing.ts';
import type { Base } from '../zfs/send.ts';
import type { Request } from './request.ts';
import { bookmarkMeaning, isPrimed, type TargetId } from './target-id.ts';

/** True for a snapshot that is not of the series: it goes along, and is never what a cycle brings by itself. */
export const isForeign = (
  { series }: Pick<Request, 'series'>,
  { label }: Pick<Snapshot, 'label'>,
) => series.timeOf(label) === undefined;

/** What is carried over with a new snapshot (`--include-snapshots`). */
export interface Cargo {
  /** Oldest first. */
  readonly snapshots: readonly Snapshot[];
  /** What a reader of the log should know of those that cannot go. */
  readonly notes: readonly string[];
}

/**
 * The snapshots of others that go to the target, each by a step of its own: those that a pattern names, newer than the
 * base and older than what is sent. A name that the target has for something else (a tool that runs on both hosts) is
 * taken there, and zfs would refuse the stream: such a snapshot stays behind.
 */
export const cargoOf = (
  { includeSnapshots, series }: Pick<Request, 'includeSnapshots' | 'series'>,
  source: Pick<SourceListing, 'snapshots'>,
  base: Pick<Base, 'createtxg'> | undefined,
  sent: Pick<Snapshot, 'createtxg'>,
  target: Pick<TargetDataset, 'snapshots'> | undefined,
): Cargo => {
  const since = base?.createtxg ?? 0;
  const wanted = source.snapshots.filter(
    (snapshot) =>
      snapshot.createtxg > since &&
      snapshot.createtxg < sent.createtxg &&
      isForeign({ series }, snapshot) &&
      includeSnapshots.some((pattern) => posix.matchesGlob(snapshot.label, pattern)),
  );
  const taken = new Set(target?.snapshots.map(({ label }) => label));
  const left = wanted.filter(({ label }) => taken.has(label));
  return {
    snapshots: wanted.filter(({ label }) => !taken.has(label)),
    notes: left.map(
      ({ label }) => `@${label} not carried over: the target has another one of that name`,
    ),
  };
};

/**
 * True where a first send that carries others' snapshots has brought some of them, and not yet its own: the newest that the
 * target has is bookmarked as one of a first send, and what was to come behind it is bookmarked too.
 */
export const isUnfinishedPrime = (
  { bookmarks }: Pick<SourceListing, 'bookmarks'>,
  id: TargetId,
  base: Pick<Base, 'guid' | 'createtxg'>,
): boolean => {
  const own = bookmarks.filter(({ label }) => bookmarkMeaning(label)?.target === id);
  const ofBase = own.filter(({ guid }) => guid === base.guid);
  return (
    ofBase.length > 0 &&
    !ofBase.some(({ label }) => isPrimed(label, id)) &&
    own.some(({ createtxg }) => createtxg > base.createtxg)
  );
};
