import { dst } from './host.ts';
import type { Pair } from './pair.ts';
import { sh } from './quote.ts';

/** Writes into the target behind zferry's back, and leaves it read-only again. */
export const change = async ({ target }: Pair): Promise<void> => {
  const mountpoint = `/mnt/${target}`;
  await dst.ok(
    sh`zfs set readonly=off ${target} && mkdir -p ${mountpoint} && mount -t zfs -o zfsutil ${target} ${mountpoint} && date >${mountpoint}/changed && umount ${mountpoint} && zfs set readonly=on ${target} && zpool sync ${dst.pool}`,
  );
};
