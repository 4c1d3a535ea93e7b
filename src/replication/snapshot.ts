import { brief, failure } from '../errors.ts';
import { type Zfs, zfsSaid } from '../hosts/zfs-command.ts';
import type { Bookmark, Snapshot } from '../zfs/listing.ts';
import { markProperty, supersededMark } from '../zfs/marks.ts';
import {
  type BookmarkLabel,
  bookmarkName,
  type DatasetName,
  type SnapshotLabel,
  snapshotName,
} from '../zfs/names.ts';
import type { SourcePruning } from './pruning.ts';
import type { Series } from './series.ts';
import { sourceFailure } from './survey.ts';
import { type BookmarkMeaning, bookmarkLabel, type TargetId } from './target-id.ts';

/** How many runs may want a name in the same second. */
const mostAttempts = 100;

/** Which datasets a snapshot is taken of: the one alone, all below it too, or these, which are of one pool. */
export type Extent = 'dataset' | 'tree' | readonly DatasetName[];

const snapshotWords = (dataset: DatasetName, label: SnapshotLabel, extent: Extent) => {
  if (extent === 'dataset') return [snapshotName(dataset, label)];
  if (extent === 'tree') return ['-r', snapshotName(dataset, label)];
  return extent.map((each) => snapshotName(each, label));
};

/**
 * Makes the cycle's snapshot, marked with the target it is for, under a name that neither side has; of several
 * datasets at one moment. Throws what zfs says, and says it plainly when the source is gone.
 */
export const makeSnapshot = async (
  zfs: Zfs,
  dataset: DatasetName,
  series: Series,
  target: TargetId,
  taken: ReadonlySet<SnapshotLabel>,
  extent: Extent = 'dataset',
): Promise<SnapshotLabel> => {
  const now = new Date();
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const label = series.label(now, attempt);
    if (taken.has(label)) continue;
    const mark = `${markProperty}=${target}`;
    const completed = await zfs.ask([
      'snapshot',
      '-o',
      mark,
      ...snapshotWords(dataset, label, extent),
    ]);
    if (completed.exitCode === 0) return label;
    const said = zfsSaid(completed);
    if (!said.includes('already exists')) throw await sourceFailure(zfs, dataset, said);
  }
  throw failure(`no free name for a snapshot of ${dataset} at ${now.toISOString()}`);
};

/** Bookmarks a snapshot for a target, under a name that is free. Throws a failure in zfs's words. */
export const bookmarkFor = async (
  zfs: Zfs,
  dataset: DatasetName,
  snapshot: Snapshot,
  meaning: BookmarkMeaning,
  existing: readonly Bookmark[],
): Promise<BookmarkLabel> => {
  const taken = new Set(existing.map(({ label }) => label));
  const now = new Date();
  let attempt = 1;
  while (taken.has(bookmarkLabel(meaning, now, attempt))) attempt += 1;
  const label = bookmarkLabel(meaning, now, attempt);
  const names = [snapshotName(dataset, snapshot.label), bookmarkName(dataset, label)];
  await zfs.tell(['bookmark', ...names]);
  return label;
};

/**
 * The same of a snapshot whose guid is not known yet, where no bookmark has the name that the time gives. undefined
 * where zfs did not make it.
 */
export const firstBookmarkFor = async (
  zfs: Zfs,
  dataset: DatasetName,
  snapshot: SnapshotLabel,
  meaning: BookmarkMeaning,
): Promise<BookmarkLabel | undefined> => {
  const label = bookmarkLabel(meaning, new Date(), 1);
  const names = [snapshotName(dataset, snapshot), bookmarkName(dataset, label)];
  const { exitCode } = await zfs.ask(['bookmark', ...names]);
  return exitCode === 0 ? label : undefined;
};

/** What could not be destroyed, and what zfs said of it. */
export interface Kept {
  readonly name: string;
  readonly reason: string;
  /** True where a hold, a clone or a running send keeps it, as it should. */
  readonly inUse: boolean;
}

/** Who uses a snapshot, in zfs's words and in ours: it goes on with advice that would destroy more. */
const uses: readonly (readonly [RegExp, string])[] = [
  [/being held|is held|has \d+ holds?/, 'it is held'],
  [/has dependent clones|is cloned/, 'it has clones'],
  [/dataset is busy/, 'it is in use'],
];

export const kept = (name: string, said: string): Kept => {
  const use = uses.find(([words]) => words.test(said))?.[1];
  return { name, reason: use ?? brief(said), inUse: use !== undefined };
};

/** Marks snapshots, by their full names, that a later cycle may destroy once nobody needs them. */
const supersede = async (zfs: Zfs, names: readonly string[]): Promise<void> => {
  // Where this is not allowed, or somebody else was faster to destroy it, the snapshot just stays, or is gone.
  for (const name of names) await zfs.ask(['set', `${markProperty}=${supersededMark}`, name]);
};

/** Destroys snapshots and bookmarks of the source by their full names; answers what is still there. */
export const destroyEach = async (zfs: Zfs, names: readonly string[]): Promise<readonly Kept[]> => {
  const left: Kept[] = [];
  for (const name of names) {
    const completed = await zfs.ask(['destroy', name]);
    const said = zfsSaid(completed);
    // Somebody else was faster: it is gone, and that was all that was wanted.
    const gone = completed.exitCode === 0 || /does not exist|could not find any/.test(said);
    if (gone) continue;
    const stays = kept(name, said);
    left.push(stays);
    // What a hold, a clone or a send kept from being pruned; that it was kept is said in any case.
    if (stays.inUse && name.includes('@')) await supersede(zfs, [name]);
  }
  return left;
};

/** The first part of pruning the source: its snapshots. Answers what is still there. */
export const pruneSnapshots = async (
  zfs: Zfs,
  dataset: DatasetName,
  { snapshots, postponed }: SourcePruning,
): Promise<readonly Kept[]> => {
  const full = ({ label }: Snapshot) => snapshotName(dataset, label);
  const left = await destroyEach(zfs, snapshots.map(full));
  await supersede(zfs, postponed.map(full));
  return left;
};

/** The second part: the target's bookmarks that the new one takes over from. Answers what is still there. */
export const pruneBookmarks = (
  zfs: Zfs,
  dataset: DatasetName,
  { bookmarks }: SourcePruning,
): Promise<readonly Kept[]> =>
  destroyEach(
    zfs,
    bookmarks.map(({ label }) => bookmarkName(dataset, label)),
  );

/** Prunes the source; answers what is still there. */
export const carryOutPruning = async (
  zfs: Zfs,
  dataset: DatasetName,
  pruning: SourcePruning,
): Promise<readonly Kept[]> => [
  // Snapshots first: the older bookmark reminds the next cycle of its snapshot if this one is cut short.
  ...(await pruneSnapshots(zfs, dataset, pruning)),
  ...(await pruneBookmarks(zfs, dataset, pruning)),
];
