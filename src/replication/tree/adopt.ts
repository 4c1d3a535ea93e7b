import type { Guid } from '../../zfs/names.ts';
import type { BegunSituation } from '../situation.ts';
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
