import type { Zfs } from '../hosts/zfs-command.ts';
import type { Snapshot, SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type Guid, snapshotName } from '../zfs/names.ts';
import { pruneSource } from './pruning.ts';
import type { Request } from './request.ts';
import { bookmarkFor, destroyEach, type Kept } from './snapshot.ts';
import { bookmarkMeaning, placeProperty, type TargetId } from './target-id.ts';

/** What a verified transfer leaves to do on the source. */
export interface Settlement {
  readonly request: Request;
  readonly id: TargetId;
  /** As it was when the new snapshot and its bookmark were there. */
  readonly source: SourceListing;
  readonly sent: Snapshot;
  readonly replaced: Guid | undefined;
}

/** Records and prunes on the source once the target is verified; answers what could not be pruned. */
export const settle = async (
  zfs: Zfs,
  { request, id, source, sent, replaced }: Settlement,
): Promise<readonly Kept[]> => {
  const { dataset } = request.pair.source;
  const own = source.bookmarks.filter(({ label }) => bookmarkMeaning(label)?.target === id);
  const isPriming = ({ label }: { label: string }) => label.endsWith('_priming');
  const priming = own.filter(({ guid, label }) => guid === sent.guid && isPriming({ label }));
  const verified = own.filter((bookmark) => !isPriming(bookmark));
  // A bookmark cannot be renamed: the one that says "priming" gives way to one that says "verified".
  if (!verified.some(({ guid }) => guid === sent.guid)) {
    const meaning = { target: id, priming: false };
    await bookmarkFor(zfs, dataset, sent, meaning, source.bookmarks);
  }
  if (!verified.some(({ guid }) => guid !== sent.guid)) {
    await zfs.tell(['set', `${placeProperty(id)}=${request.pair.target.typed}`, dataset]);
  }
  const { series, keep } = request;
  const pruning = pruneSource({ source, target: id, series, sent, replaced, keep });
  // Snapshots first: the older bookmark is what reminds the next cycle of its snapshot if this one is cut short.
  return await destroyEach(zfs, [
    ...pruning.snapshots.map(({ label }) => snapshotName(dataset, label)),
    ...[...pruning.bookmarks, ...priming].map(({ label }) => bookmarkName(dataset, label)),
  ]);
};
