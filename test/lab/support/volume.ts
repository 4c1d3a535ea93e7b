import type { Host } from './host.ts';
import { dst, src } from './host.ts';
import { type Pair, pairOf, snapshots } from './pair.ts';
import { sh } from './quote.ts';

/** The device of a volume or a clone, once udev has made it. */
const deviceOf = (dataset: string): string => `/dev/zvol/${dataset}`;

/** Where a volume's ext4 is mounted on `src`. */
export const mountpointOf = ({ source }: Pair): string => `/mnt/${source}`;

/** Makes a pair's source: a sparse volume with an ext4 in it, mounted. Answers what takes the mount away. */
export const makeExt4 = async (pair: Pair, mebibytes: number): Promise<() => Promise<void>> => {
  const { source } = pair;
  const at = mountpointOf(pair);
  await src.ok(sh`zfs create -s -V ${mebibytes}M ${source} && udevadm settle`);
  await src.ok(
    sh`mkfs.ext4 -q ${deviceOf(source)} && mkdir -p ${at} && mount ${deviceOf(source)} ${at}`,
  );
  return async () => void (await src.run(sh`umount ${at}; rmdir ${at}`));
};

/** A sparse volume on `src` with an ext4 in it, mounted, and no target yet. */
export const volumePair = async (mebibytes: number, target?: string): Promise<Pair> => {
  const pair = pairOf(undefined, target);
  const unmount = await makeExt4(pair, mebibytes);
  const remove = async () => {
    await unmount();
    await pair.remove();
  };
  return { ...pair, remove };
};

/** Writes files into the volume's ext4, which stays mounted: all of it is on the disk afterwards, or in its journal. */
export const writeIntoVolume = async (pair: Pair, folder: string, mebibytes = 1): Promise<void> => {
  const at = `${mountpointOf(pair)}/${folder}`;
  await src.ok(
    sh`mkdir -p ${at} && cd ${at} && seq 100 >numbers && head -c ${mebibytes * 2 ** 20} /dev/urandom >noise && sync -f . && zpool sync ${src.pool}`,
  );
};

/** Runs a command with the device of a snapshot's clone as `$1`; the clone goes afterwards. */
const onClone = (host: Host, snapshot: string, command: string): Promise<string> => {
  const clone = `${snapshot.replace(/@.*$/, '')}-clone`;
  return host.ok(
    `${sh`zfs clone -o readonly=off ${snapshot} ${clone} && udevadm settle`}; set -- ${deviceOf(clone)}; (set -e; ${command}); code=$?; umount "$1" 2>/dev/null; udevadm settle; ${sh`zfs destroy ${clone}`}; exit $code`,
  );
};

/** All bytes of a volume's snapshot, as a sum. */
export const volumeSum = (host: Host, snapshot: string): Promise<string> =>
  onClone(host, snapshot, 'sha256sum <"$1"');

/** Mounts the ext4 in a snapshot (its journal is played back), sums its files, and lets fsck look at it afterwards. */
export const ext4Sums = (host: Host, snapshot: string): Promise<string> =>
  onClone(
    host,
    snapshot,
    'd=$(mktemp -d); mount -t ext4 "$1" $d; cd $d; find . -type f -print0 | sort -z | xargs -0r sha256sum; df -k --output=size . | tail -n 1; cd /; umount $d; rmdir $d; e2fsck -fn "$1" >/dev/null',
  );

/** The newest snapshot of both sides, where it holds the same bytes; throws otherwise. */
export const newestVolumeEqual = async ({ source, target }: Pair): Promise<string> => {
  const label = String((await snapshots(dst, target)).at(-1));
  const here = await volumeSum(src, `${source}@${label}`);
  const there = await volumeSum(dst, `${target}@${label}`);
  if (here !== there || here === '') throw new Error(`@${label} has other bytes on dst`);
  return label;
};
