import type { SourceTraits } from '../../zfs/listing.ts';
import { bookmarkName, type Guid } from '../../zfs/names.ts';
import { goesRaw } from '../encryption.ts';
import type { BegunSituation, Situation } from '../situation.ts';
import { destroyEach, type Kept } from '../snapshot.ts';
import { bookmarkMeaning, streamProperty, targetIdOf } from '../target-id.ts';

/** What stands for a series without flags: a child would inherit an empty value from the root. */
const noFlags = 'none';

/** True for a member that the tree has bookmarked before: then its record is its own. */
const isKnown = ({ request, id, beginning }: BegunSituation): boolean =>
  request.partOf === request.pair.target.dataset ||
  beginning.source.bookmarks.some(({ label }) => bookmarkMeaning(label)?.target === id);

/**
 * The situation with the member's own record of its series. What the tree's id says of a member that the tree does not
 * know is inherited from the root, and says nothing. One that was replicated alone has a record under an id of its own.
 */
export const recalled = async (situation: BegunSituation): Promise<BegunSituation> => {
  if (isKnown(situation)) return situation;
  const { request, zfs, facts, beginning } = situation;
  const { source, target } = request.pair;
  const own = streamProperty(targetIdOf(facts.poolGuid as Guid, target.dataset));
  const said =
    facts.dataset === undefined
      ? '-'
      : (await zfs.tell(['get', '-H', '-o', 'value', own, source.dataset])).trim();
  const record = said === '-' || said === '' ? undefined : said;
  const [, place] = beginning.source.properties;
  const listing = { ...beginning.source, properties: [record, place] as const };
  return { ...situation, beginning: { ...beginning, source: listing } };
};

/**
 * A member whose replica was begun outside of this tree goes on as it was begun (openzfs #6224): its record is put
 * under the tree's id too, before its first bookmark under that id says that this was done.
 */
export const adopt = async (situation: BegunSituation): Promise<void> => {
  if (isKnown(situation) || situation.facts.dataset === undefined) return;
  const { request, zfs, id, beginning } = situation;
  const [record] = beginning.source.properties;
  const inferred = goesRaw(request, beginning.source) ? 'raw' : noFlags;
  const words = `${streamProperty(id)}=${record ?? inferred}`;
  await zfs.tell(['set', words, request.pair.source.dataset]);
};

/**
 * Once the tree has a bookmark of its own for a member, one that the member has under its own id, from a run for it
 * alone, is not needed any more: a base is known by its guid, whoever made the bookmark.
 */
export const released = async (
  { request, zfs, id, facts }: Situation,
  source: SourceTraits,
): Promise<readonly Kept[]> => {
  const { pair } = request;
  const own = targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
  if (own === id) return [];
  const old = source.bookmarks.filter(({ label }) => bookmarkMeaning(label)?.target === own);
  return await destroyEach(
    zfs,
    old.map(({ label }) => bookmarkName(pair.source.dataset, label)),
  );
};
