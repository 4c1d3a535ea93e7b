import { failure } from '../errors.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Bookmark, SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type DatasetName } from '../zfs/names.ts';
import { destroyEach } from './snapshot.ts';
import { bookmarkMeaning, recordProperties, type TargetId } from './target-id.ts';

/** The bookmarks of a target, oldest first. */
export const bookmarksFor = (
  { bookmarks }: Pick<SourceListing, 'bookmarks'>,
  id: TargetId,
): readonly Bookmark[] => bookmarks.filter(({ label }) => bookmarkMeaning(label)?.target === id);

/**
 * Removes what the source keeps for a target: bookmarks first, then the properties, by which an interrupted
 * try is found again. Throws a failure in zfs's words where one of them could not go.
 */
export const dropRecords = async (
  zfs: Zfs,
  dataset: DatasetName,
  source: Pick<SourceListing, 'bookmarks'>,
  id: TargetId,
): Promise<void> => {
  const names = bookmarksFor(source, id).map(({ label }) => bookmarkName(dataset, label));
  const [left] = await destroyEach(zfs, names);
  if (left !== undefined) throw failure(`${left.name} cannot be destroyed: ${left.reason}`);
  for (const property of recordProperties(id)) await zfs.tell(['inherit', property, dataset]);
};
