import { failure } from '../errors.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Bookmark, Snapshot, SourceListing, SourceTraits } from '../zfs/listing.ts';
import type { Guid, SnapshotLabel } from '../zfs/names.ts';
import type { Request } from './request.ts';
import { bookmarkFor } from './snapshot.ts';
import { bookmarkMeaning, type TargetId } from './target-id.ts';

/** The source, and whom it is bookmarked for. */
interface SourceSide {
  readonly request: Pick<Request, 'pair'>;
  readonly zfs: Zfs;
  readonly id: TargetId;
}

/** The snapshot that was just made, as the listing has it. Throws a failure where it is gone again. */
export const snapshotIn = (source: SourceListing, label: SnapshotLabel): Snapshot => {
  const snapshot = source.snapshots.find((candidate) => candidate.label === label);
  if (snapshot === undefined) throw failure(`the new snapshot @${label} is gone again`);
  return snapshot;
};

/** The target's bookmark of that guid. */
export const bookmarkOf = (
  source: Pick<SourceTraits, 'bookmarks'>,
  id: TargetId,
  guid: Guid,
): Bookmark | undefined =>
  source.bookmarks.find(
    (bookmark) => bookmark.guid === guid && bookmarkMeaning(bookmark.label)?.target === id,
  );

/** Makes sure that the target has a bookmark of that snapshot; answers the listing with it. */
export const bookmarked = async (
  { request, zfs, id }: SourceSide,
  source: SourceListing,
  snapshot: Snapshot,
  priming: boolean,
): Promise<SourceListing> => {
  if (bookmarkOf(source, id, snapshot.guid) !== undefined) return source;
  const { dataset } = request.pair.source;
  const meaning = { target: id, priming };
  const label = await bookmarkFor(zfs, dataset, snapshot, meaning, source.bookmarks);
  const { guid, createtxg } = snapshot;
  const bookmarks = [...source.bookmarks, { label, guid, createtxg }];
  return { ...source, bookmarks: bookmarks.toSorted((a, b) => a.createtxg - b.createtxg) };
};
