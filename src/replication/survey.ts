import { userInfo } from 'node:os';
import { failure, refusal } from '../errors.ts';
import { hostShown } from '../hosts/place.ts';
import { type Zfs, zfsSaid } from '../hosts/zfs-command.ts';
import {
  parseSnapshots,
  parseSourceGlimpse,
  parseSourceListing,
  type Snapshot,
  type SourceGlimpse,
  type SourceListing,
  snapshotListingArguments,
  sourceGlimpseArguments,
  sourceListingArguments,
} from '../zfs/listing.ts';
import { type DatasetName, parseDatasetName, poolOf, type SnapshotLabel } from '../zfs/names.ts';
import { senderGrants } from '../zfs/rights.ts';
import { parseTokenContents, type TokenContents, tokenArguments } from '../zfs/send.ts';
import { allowLines } from './hints.ts';
import { recordProperties, type TargetId } from './target-id.ts';

/** Says why the source could not be read: gone, its pool not imported, or in zfs's own words. */
export const sourceFailure = async (zfs: Zfs, dataset: DatasetName, said: string) => {
  if (said.includes('permission denied')) {
    const { host } = zfs;
    const isHere = host.kind === 'here';
    const user = isHere ? userInfo().username : (host.user ?? 'USER');
    const allow = allowLines(senderGrants(dataset, false), user);
    return failure(said, `as root${isHere ? '' : ` on ${host.name}`}: ${allow} (or use --sudo)`);
  }
  if (!said.includes('does not exist')) return failure(said);
  const pool = poolOf(dataset);
  const on = hostShown(zfs.host);
  const { exitCode } = await zfs.ask(['list', '-H', '-o', 'name', pool]);
  return exitCode === 0
    ? refusal(
        `${dataset} does not exist on ${on}`,
        `see what there is: ${zfs.paste(['zfs', 'list', '-r', pool])}`,
      )
    : failure(`the pool ${pool} is not imported on ${on}`, zfs.paste(['zpool', 'import', pool]));
};

/** What a listing of the source prints. Throws what {@link sourceFailure} says. */
const tellOf = async (zfs: Zfs, dataset: DatasetName, words: readonly string[]) => {
  const completed = await zfs.ask(words);
  if (completed.exitCode !== 0) throw await sourceFailure(zfs, dataset, zfsSaid(completed));
  return completed.stdout;
};

/** Lists the source. Throws what {@link sourceFailure} says. */
export const lookAtSource = async (
  zfs: Zfs,
  dataset: DatasetName,
  target: TargetId,
): Promise<SourceListing> => {
  const words = sourceListingArguments(dataset, recordProperties(target));
  return parseSourceListing(dataset, await tellOf(zfs, dataset, words));
};

/** The names of a dataset and of all filesystems and volumes below it. Throws what {@link sourceFailure} says. */
export const namesBelow = async (
  zfs: Zfs,
  dataset: DatasetName,
): Promise<readonly DatasetName[]> => {
  const words = ['list', '-H', '-r', '-t', 'filesystem,volume', '-o', 'name', dataset];
  const told = await tellOf(zfs, dataset, words);
  return told.split('\n').filter(Boolean).map(parseDatasetName);
};

/** Looks at the source but for its snapshots; whether one of that label is there. Throws what {@link sourceFailure} says. */
export const glanceAtSource = async (
  zfs: Zfs,
  dataset: DatasetName,
  target: TargetId,
  label: SnapshotLabel,
): Promise<SourceGlimpse> => {
  const words = sourceGlimpseArguments(dataset, recordProperties(target), label);
  return parseSourceGlimpse(dataset, await tellOf(zfs, dataset, words));
};

/** The source's snapshot of that label; undefined where zfs does not show one. */
export const lookAtSnapshot = async (
  zfs: Zfs,
  dataset: DatasetName,
  label: SnapshotLabel,
): Promise<Snapshot | undefined> => {
  const { exitCode, stdout } = await zfs.ask(snapshotListingArguments(dataset, label));
  if (exitCode !== 0) return undefined;
  return parseSnapshots(stdout.split('\n').filter(Boolean)).find((each) => each.label === label);
};

/** What a resume token is about; undefined where zfs cannot tell. It need not be one that can be continued. */
export const lookIntoToken = async (
  zfs: Zfs,
  token: string,
): Promise<TokenContents | undefined> => {
  const { stdout, stderr } = await zfs.ask(tokenArguments(token));
  return parseTokenContents(`${stdout}\n${stderr}`);
};
