import type { SourceListing } from '../../zfs/listing.ts';
import { bookmarkName, type Guid } from '../../zfs/names.ts';
import type { BegunSituation, Situation } from '../situation.ts';
import { destroyEach, type Kept } from '../snapshot.ts';
import { bookmarkMeaning, streamProperty, targetIdOf } from '../target-id.ts';

/** What stands for a series without flags: a child would inherit an empty value from the root. */
const noFlags = 'none';

/**
 * A member whose replica was begun outside of this tree goes on as it was begun (openzfs #6224). Its flags stand
 * under an id of its own, if anywhere; what the tree's id says of it is inherited from the root. They are
 * recorded under the tree's id too, before its first bookmark under that id says that this was done.
 */
export const adopted = async (situation: BegunSituation): Promise<BegunSituation> => {
  const { request, zfs, id, facts, beginning } = situation;
  const { source, target } = request.pair;
  const listing = beginning.source;
  const isKnown = listing.bookmarks.some(({ label }) => bookmarkMeaning(label)?.target === id);
  if (request.partOf === target.dataset || facts.dataset === undefined || isKnown) return situation;
  const own = targetIdOf(facts.poolGuid as Guid, target.dataset);
  const said = await zfs.tell(['get', '-H', '-o', 'value', streamProperty(own), source.dataset]);
  const flags = said === '-' || said === '' ? noFlags : said;
  await zfs.tell(['set', `${streamProperty(id)}=${flags}`, source.dataset]);
  const [, place] = listing.properties;
  const changed = { ...listing, properties: [flags, place] as const };
  return { ...situation, beginning: { ...beginning, source: changed } };
};

/**
 * Once the tree has a bookmark of its own for a member, one that the member has under its own id, from a run for it
 * alone, is not needed any more: a base is known by its guid, whoever made the bookmark.
 */
export const released = async (
  { request, zfs, id, facts }: Situation,
  source: SourceListing,
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
