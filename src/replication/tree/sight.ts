import type { TargetFacts } from '../../hosts/target-facts.ts';
import { type Zfs, zfsSaid } from '../../hosts/zfs-command.ts';
import { parseListings, type SourceListing, treeListingArguments } from '../../zfs/listing.ts';
import type { DatasetName } from '../../zfs/names.ts';
import { sourceFailure } from '../survey.ts';
import { isPrimed, recordProperties, type TargetId } from '../target-id.ts';
import type { Member } from './members.ts';

/** Lists a source and all below it. Throws why it could not be read. */
export const listTree = async (
  zfs: Zfs,
  root: DatasetName,
  id: TargetId,
): Promise<ReadonlyMap<DatasetName, SourceListing>> => {
  const completed = await zfs.ask(treeListingArguments(root, recordProperties(id)));
  if (completed.exitCode !== 0) throw await sourceFailure(zfs, root, zfsSaid(completed));
  return parseListings(completed.stdout);
};

/** True where the target is not known to have had anything of that dataset. */
export const isNewHere = ({ bookmarks }: SourceListing, id: TargetId): boolean =>
  !bookmarks.some(({ label }) => isPrimed(label, id));

/** What the target's facts say of one member; `coming` are those whose first send is ahead of it. */
export const factsOf = (
  facts: TargetFacts,
  { pair, path }: Member,
  coming: ReadonlySet<string>,
): TargetFacts => {
  if (path === '') return facts;
  const { dataset } = pair.target;
  const parent = dataset.slice(0, dataset.lastIndexOf('/')) as DatasetName;
  const above = path.includes('/') ? facts.below.get(parent) : facts.dataset;
  return {
    ...facts,
    dataset: facts.below.get(dataset),
    below: new Map(),
    parentExists: above !== undefined || coming.has(parent),
    parentEncryption: above?.encryption,
    hasAside: facts.below.has(`${dataset}.zferry_old` as DatasetName),
  };
};
