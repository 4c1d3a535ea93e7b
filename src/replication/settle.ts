import { asZferryError } from '../errors.ts';
import { bookmarkName } from '../zfs/names.ts';
import type { Delivery } from './prepare.ts';
import { pruneSource } from './pruning.ts';
import type { Situation } from './situation.ts';
import { bookmarkFor, carryOutPruning, destroyEach } from './snapshot.ts';
import { bookmarkMeaning, isPrimed, placeProperty } from './target-id.ts';

/** What is recorded of a delivery once it is verified. */
export type Verified = Pick<Delivery, 'source' | 'sent' | 'replaced'>;

/** A bookmark cannot be renamed: the one that says "priming" gives way to one that says "verified". */
const confirmFirst = async (
  { request, zfs, id }: Situation,
  { source, sent }: Verified,
): Promise<void> => {
  const { dataset } = request.pair.source;
  const own = source.bookmarks.filter(
    ({ label, guid }) => guid === sent.guid && bookmarkMeaning(label)?.target === id,
  );
  if (own.some(({ label }) => isPrimed(label, id))) return;
  await bookmarkFor(zfs, dataset, sent, { target: id, priming: false }, source.bookmarks);
  await destroyEach(
    zfs,
    own.map(({ label }) => bookmarkName(dataset, label)),
  );
};

const recordPlace = async (
  { request, zfs, id }: Situation,
  { source }: Verified,
): Promise<void> => {
  const { target, source: from } = request.pair;
  const [, place] = source.properties;
  if (place !== undefined) return;
  await zfs.tell(['set', `${placeProperty(id)}=${target.typed}`, from.dataset]);
};

const prune = async (
  { request, zfs, id, story }: Situation,
  { source, sent, replaced }: Verified,
): Promise<void> => {
  const { series, keep, pair } = request;
  const { dataset } = pair.source;
  const pruning = pruneSource({ source, target: id, series, sent, replaced, keep });
  story.kept = [...story.kept, ...(await carryOutPruning(zfs, dataset, pruning))];
};

/**
 * Records and prunes on the source once the target is verified. It never throws: the target is current,
 * whatever becomes of this. What could not be done goes into the story, and the next cycle does it.
 */
export const settle = async (situation: Situation, verified: Verified): Promise<void> => {
  const { story, request } = situation;
  try {
    await confirmFirst(situation, verified);
    await recordPlace(situation, verified);
    await prune(situation, verified);
  } catch (error) {
    const name = `the record on ${request.pair.source.dataset}`;
    const reason = asZferryError(error).message;
    story.kept = [...story.kept, { name, reason, inUse: false }];
  }
};
