import { type Zfs, zfsSaid } from '../../hosts/zfs-command.ts';
import { type DatasetName, parseDatasetName, type SnapshotLabel } from '../../zfs/names.ts';
import type { Request, Tree } from '../request.ts';
import type { Situation } from '../situation.ts';
import { makeSnapshot } from '../snapshot.ts';
import { sourceFailure } from '../survey.ts';
import { membersOf } from './members.ts';

/** The datasets to take a snapshot of; `tree` where none is left out. */
const extentOf = async (
  zfs: Zfs,
  { pair }: Request,
  tree: Tree,
): Promise<'tree' | readonly DatasetName[]> => {
  if (tree.exclude.length === 0 && tree.maxDepth === undefined) return 'tree';
  const root = pair.source.dataset;
  const listed = await zfs.ask(['list', '-H', '-r', '-t', 'filesystem,volume', '-o', 'name', root]);
  if (listed.exitCode !== 0) throw await sourceFailure(zfs, root, zfsSaid(listed));
  const names = listed.stdout.split('\n').filter(Boolean).map(parseDatasetName);
  return membersOf(pair, tree, names).map((member) => member.pair.source.dataset);
};

/** One snapshot of all members, at one moment. */
export const snapshotTree = async (
  { request, zfs, id, facts, observer }: Situation,
  tree: Tree,
): Promise<SnapshotLabel> => {
  observer.step('making a snapshot of the tree');
  const seen = [facts.dataset, ...facts.below.values()];
  const taken = new Set(seen.flatMap((each) => each?.snapshots.map(({ label }) => label) ?? []));
  const { dataset } = request.pair.source;
  const extent = await extentOf(zfs, request, tree);
  return await makeSnapshot(zfs, dataset, request.series, id, taken, extent);
};
