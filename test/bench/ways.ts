import { dst, src } from '../lab/support/host.ts';
import { quote, sh } from '../lab/support/quote.ts';
import type { Way } from './contenders.ts';

const parent = { here: `${src.pool}/bench`, there: `${dst.pool}/bench` };
let made = 0;

/** A new dataset on src with two small files, and a name for each of its replicas. */
export const makeWays = async (targets: number): Promise<readonly Way[]> => {
  made += 1;
  const source = `${parent.here}/w${made}`;
  await src.ok(sh`zfs create -p ${source} && date >/${source}/one && date >/${source}/two`);
  await dst.ok(sh`zfs create -p -o canmount=off ${parent.there}`);
  return Array.from({ length: targets }, (_, index) => ({
    source,
    target: `${parent.there}/w${made}-${index}`,
    series: `floor${index}_`,
  }));
};

/** Destroys all of them, on both sides, and waits until their space is free. */
export const destroyWays = async (): Promise<void> => {
  await Promise.all([
    src.ok(sh`zfs destroy -r ${parent.here} 2>/dev/null || true; zpool wait -t free ${src.pool}`),
    dst.ok(sh`zfs destroy -r ${parent.there} 2>/dev/null || true; zpool wait -t free ${dst.pool}`),
  ]);
};

/** So many snapshots, of names that no contender makes, and a last one of the floor's; both sides get them. */
export const manySnapshots = async (
  { source, target, series }: Way,
  count: number,
): Promise<void> => {
  const last = sh`${`${source}@${series}0`}`;
  const options = { timeout: 1_800_000 };
  await src.ok(
    `for i in $(seq ${count - 1}); do zfs snapshot ${quote(source)}@hourly-$i || exit 1; done; zfs snapshot ${last}`,
    options,
  );
  await src.ok(
    `zfs send -R ${last} | ssh dst zfs receive -u -o readonly=on ${quote(target)}`,
    options,
  );
};
