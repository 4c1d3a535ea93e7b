import { bookmarkName, snapshotName } from '../zfs/names.ts';
import type { Delivery } from './prepare.ts';
import { pruneSource } from './pruning.ts';
import type { Situation } from './situation.ts';
import { bookmarkFor, destroyEach } from './snapshot.ts';
import { bookmarkMeaning, placeProperty } from './target-id.ts';

/**
 * Records and prunes on the source once the target is verified. What could not be pruned goes into the story.
 * Throws a failure when the record itself cannot be made.
 */
export const settle = async (
  { request, zfs, id, story }: Situation,
  { source, sent, replaced }: Delivery,
): Promise<void> => {
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
  const left = await destroyEach(zfs, [
    ...pruning.snapshots.map(({ label }) => snapshotName(dataset, label)),
    ...[...pruning.bookmarks, ...priming].map(({ label }) => bookmarkName(dataset, label)),
  ]);
  story.kept = [...story.kept, ...left];
};
