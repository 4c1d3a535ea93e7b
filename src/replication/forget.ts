import { failure } from '../errors.ts';
import { digest } from '../hosts/digest.ts';
import type { Lock } from '../hosts/lock.ts';
import { type Place, parseTarget } from '../hosts/place.ts';
import { SourceConnection } from '../hosts/source-connection.ts';
import { openSource, type SourceHost } from '../hosts/source-host.ts';
import type { Tether } from '../hosts/tether.ts';
import { type Zfs, zfsSaid } from '../hosts/zfs-command.ts';
import { forgottenMark, markProperty } from '../zfs/marks.ts';
import { bookmarkName, type DatasetName, snapshotName } from '../zfs/names.ts';
import { decideForgetting, type KnownTarget, knownTargets, meantTargets } from './forgetting.ts';
import { lockTarget, lockTyped, partiesOf } from './locking.ts';
import type { Observer } from './observer.ts';
import { dropRecords } from './records.ts';
import type { Series } from './series.ts';
import { destroyEach } from './snapshot.ts';
import { lookAtSource, namesBelow, sourceFailure } from './survey.ts';
import { recordProperties, type TargetId } from './target-id.ts';

/** What a person asked to be forgotten. */
export interface ForgetRequest {
  readonly source: Place;
  /** A place, or a target's id. */
  readonly target: string;
  /** Of the datasets below the source too. */
  readonly recursive: boolean;
  readonly series: Series;
  readonly sudo: boolean;
  readonly sshOptions: readonly string[];
}

/** What of one target goes and what stays in one dataset, by full names. */
export interface Oblivion {
  readonly dataset: DatasetName;
  readonly destroys: readonly string[];
  /** Properties of the dataset. */
  readonly removes: readonly string[];
  readonly keeps: readonly string[];
}

/** The source's own user properties; what it inherits is of another source. */
const ownProperties = async (
  zfs: Zfs,
  dataset: DatasetName,
): Promise<ReadonlyMap<string, string>> => {
  const words = ['get', '-Hp', '-s', 'local', '-o', 'property,value', 'all', dataset];
  const completed = await zfs.ask(words);
  if (completed.exitCode !== 0) throw await sourceFailure(zfs, dataset, zfsSaid(completed));
  const lines = completed.stdout.split('\n').map((line) => line.split('\t'));
  return new Map(lines.map(([name = '', value = '']) => [name, value]));
};

/** No target has this id: a listing asked for it tells all but a target's own properties. */
const noTarget = '0000000000' as TargetId;

const meant = async (
  zfs: Zfs,
  { source, target }: ForgetRequest,
): Promise<readonly KnownTarget[]> => {
  const listing = await lookAtSource(zfs, source.dataset, noTarget);
  const known = knownTargets(listing, await ownProperties(zfs, source.dataset));
  return meantTargets(source, target, known);
};

/** The datasets that are meant, the source last: by what it has an interrupted try is found again. */
const datasetsOf = async (
  zfs: Zfs,
  { source: { dataset }, recursive }: ForgetRequest,
): Promise<readonly DatasetName[]> =>
  recursive ? (await namesBelow(zfs, dataset)).toReversed() : [dataset];

const lookAt = async (
  zfs: Zfs,
  dataset: DatasetName,
  { series }: ForgetRequest,
  target: KnownTarget,
) => {
  const listing = await lookAtSource(zfs, dataset, target.id);
  const own = await ownProperties(zfs, dataset);
  const { snapshots, bookmarks, staying } = decideForgetting(listing, target.id, series);
  const oblivion: Oblivion = {
    dataset,
    destroys: [
      ...snapshots.map(({ label }) => snapshotName(dataset, label)),
      ...bookmarks.map(({ label }) => bookmarkName(dataset, label)),
    ],
    removes: recordProperties(target.id).filter((property) => own.has(property)),
    keeps: staying.map(({ label }) => snapshotName(dataset, label)),
  };
  return { listing, snapshots, oblivion };
};

/** Works with the source's host, wherever that is. */
const atSource = async <T>(
  { source, sudo, sshOptions }: ForgetRequest,
  tether: Tether,
  work: (from: SourceHost) => Promise<T>,
): Promise<T> => {
  // No stream is sent: there is nothing to be found by a key.
  const options = { source, key: digest('forget'), replaces: false, sudo, sshOptions };
  const connection = new SourceConnection();
  try {
    return await work(await openSource({ ...options, persist: undefined, connection }, tether));
  } finally {
    await connection.leave();
  }
};

/** Says what `forget` would do; changes nothing. Throws what it would throw, but for a run that is at work. */
export const rehearseForgetting = async (
  request: ForgetRequest,
  tether: Tether,
): Promise<readonly Oblivion[]> => {
  return await atSource(request, tether, async (from) => {
    const zfs = from.zfs(tether);
    const oblivions: Oblivion[] = [];
    for (const target of await meant(zfs, request)) {
      for (const dataset of await datasetsOf(zfs, request)) {
        oblivions.push((await lookAt(zfs, dataset, request, target)).oblivion);
      }
    }
    return oblivions;
  });
};

/** Takes the locks that a run for these targets would hold. Throws PairBusy. */
const lock = async (
  { source, target }: ForgetRequest,
  from: SourceHost,
  targets: readonly KnownTarget[],
  tether: Tether,
): Promise<Tether> => {
  const started = new Date();
  const locks: Lock[] = [];
  const place = targets.some(({ id }) => id === target) ? source : parseTarget(target, source);
  if (place !== source) locks.push(await lockTyped({ source, target: place }, started, tether));
  for (const { id, place: typed } of targets) {
    const parties = partiesOf({ source, target: place }, from.poolGuid);
    locks.push(await lockTarget({ ...parties, to: typed ?? id }, id, started, tether));
  }
  return { ...tether, locks: locks.map(({ descriptor }) => descriptor) };
};

const forgetOne = async (
  zfs: Zfs,
  dataset: DatasetName,
  request: ForgetRequest,
  target: KnownTarget,
  { announce }: Pick<Observer, 'announce'>,
): Promise<void> => {
  const { listing, snapshots, oblivion } = await lookAt(zfs, dataset, request, target);
  for (const name of oblivion.keeps)
    announce(`keeping ${name}: it may be a history that somebody keeps`);
  for (const name of oblivion.destroys) announce(`destroying ${name}`);
  for (const property of oblivion.removes) announce(`removing ${property} from ${dataset}`);
  const left = await destroyEach(
    zfs,
    snapshots.map(({ label }) => snapshotName(dataset, label)),
  );
  for (const { name, reason, inUse } of left) {
    if (!inUse) throw failure(`${name} cannot be destroyed: ${reason}`);
    announce(`keeping ${name}: ${reason}`);
  }
  // Were they still marked for this target, its next prime would take them for leftovers of its own.
  for (const name of oblivion.keeps)
    await zfs.tell(['set', `${markProperty}=${forgottenMark}`, name]);
  await dropRecords(zfs, dataset, listing, target.id);
};

/**
 * Removes from a source (and the datasets below it) what it keeps for a target, without asking the target. Says what goes before it does;
 * cut short anywhere, the same goes on. Answers the targets that are forgotten. Throws a usage error for a
 * target that the source does not know, PairBusy, and failures in zfs's words.
 */
export const forget = async (
  request: ForgetRequest,
  observer: Pick<Observer, 'announce'>,
  tether: Tether,
): Promise<readonly KnownTarget[]> => {
  return await atSource(request, tether, async (from) => {
    const targets = await meant(from.zfs(tether), request);
    const zfs = from.zfs(await lock(request, from, targets, tether));
    for (const target of targets) {
      for (const dataset of await datasetsOf(zfs, request)) {
        await forgetOne(zfs, dataset, request, target, observer);
      }
    }
    return targets;
  });
};
