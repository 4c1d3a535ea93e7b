import type { Zfs } from '../../hosts/zfs-command.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import { type DatasetName, type SnapshotLabel, snapshotName } from '../../zfs/names.ts';
import type { Request, Tree } from '../request.ts';
import type { Situation } from '../situation.ts';
import { type Extent, makeSnapshot } from '../snapshot.ts';
import { namesBelow } from '../survey.ts';
import { membersOf } from './members.ts';
import { isNewHere, listTree } from './sight.ts';

/** The datasets to take a snapshot of; `tree` where none is left out. */
const extentOf = async (zfs: Zfs, { pair }: Request, tree: Tree): Promise<Extent> => {
  if (tree.exclude.length === 0 && tree.maxDepth === undefined) return 'tree';
  const names = await namesBelow(zfs, pair.source.dataset);
  return membersOf(pair, tree, names).map((member) => member.pair.source.dataset);
};

/** A snapshot of a tree, and the source as it was listed with it. */
export interface TreeBeginning {
  readonly label: SnapshotLabel;
  readonly listings: ReadonlyMap<DatasetName, SourceListing>;
  /** Full names of the snapshot, of all members that have it. */
  readonly names: readonly string[];
}

const has = (listing: SourceListing | undefined, label: SnapshotLabel): boolean =>
  listing?.snapshots.some((each) => each.label === label) === true;

const namesIn = (
  members: readonly DatasetName[],
  listings: TreeBeginning['listings'],
  label: SnapshotLabel,
): readonly string[] =>
  members.filter((name) => has(listings.get(name), label)).map((name) => snapshotName(name, label));

/** Who needs it, and the zfs that makes it. */
type BeginningNeed = Pick<Situation, 'request' | 'zfs' | 'id' | 'share' | 'observer'>;

/** Labels of the snapshots that a tree's target has anywhere. */
export const labelsThere = ({ facts }: Pick<Situation, 'facts'>): ReadonlySet<SnapshotLabel> => {
  const seen = [facts.dataset, ...facts.below.values()];
  return new Set(seen.flatMap((each) => each?.snapshots.map(({ label }) => label) ?? []));
};

/**
 * One snapshot of all members, at one moment, under a name that is not taken: the one that the run's targets share.
 * Connecting may have taken so long that the next cycle of a faster target has pruned it: then another.
 */
export const beginTree = async (
  { request, zfs, id, share, observer }: BeginningNeed,
  tree: Tree,
  taken: ReadonlySet<SnapshotLabel>,
): Promise<TreeBeginning> => {
  observer.step('making a snapshot of the tree');
  const { pair, series } = request;
  const root = pair.source.dataset;
  const extent = () => extentOf(zfs, request, tree);
  const { label, isOwn } = await share.obtain({ request, zfs, id }, taken, extent);
  const listings = await listTree(zfs, root, id);
  const members = membersOf(pair, tree, listings.keys()).map(
    ({ pair: { source } }) => source.dataset,
  );
  const isPruned = members.some((name) => {
    const listing = listings.get(name);
    return !has(listing, label) && (name === root || (listing && !isNewHere(listing, id)));
  });
  if (isOwn || !isPruned) {
    const names = namesIn(members, listings, label);
    await share.covers(zfs, names);
    return { label, listings, names };
  }
  const own = await makeSnapshot(zfs, root, series, id, taken, await extent());
  const again = await listTree(zfs, root, id);
  return { label: own, listings: again, names: namesIn(members, again, own) };
};
