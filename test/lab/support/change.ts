import { dst, type Host } from './host.ts';
import type { Pair } from './pair.ts';
import { sh } from './quote.ts';

/** Writes into a replica behind zferry's back, and leaves it read-only again. */
export const changeOn = async (host: Host, target: string): Promise<void> => {
  const mountpoint = `/mnt/${target}`;
  await host.ok(
    sh`zfs set readonly=off ${target} && mkdir -p ${mountpoint} && mount -t zfs -o zfsutil ${target} ${mountpoint} && date >${mountpoint}/changed && umount ${mountpoint} && zfs set readonly=on ${target} && zpool sync ${host.pool}`,
  );
};

/** The same with a pair's target. */
export const change = ({ target }: Pair): Promise<void> => changeOn(dst, target);
