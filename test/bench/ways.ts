import { dst, src } from '../lab/support/host.ts';
import { manySnapshots } from '../lab/support/many-snapshots.ts';
import { quote, sh } from '../lab/support/quote.ts';
import type { Way } from './contenders.ts';

const parent = { here: `${src.pool}/bench`, there: `${dst.pool}/bench` };
/** Of what may take long (milliseconds): hundreds of datasets are destroyed. */
const timeout = 3_600_000;
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
  const destroy = (dataset: string, pool: string) =>
    sh`zfs destroy -r ${dataset} 2>/dev/null || true; zpool wait -t free ${pool}`;
  await Promise.all([
    src.ok(destroy(parent.here, src.pool), { timeout }),
    dst.ok(destroy(parent.there, dst.pool), { timeout }),
  ]);
};

/**
 * A target with the floor's first snapshot, and so many on both sides, of names that no contender makes. Each side makes
 * its own, at the same time: whether they were received is nothing to those who list them, and a `send -R` of ten
 * thousand takes longer than to make them.
 */
export const withHistory = async (
  { source, target, series }: Way,
  count: number,
): Promise<void> => {
  const first = `${source}@${series}0`;
  await src.ok(sh`zfs snapshot ${first}`);
  await src.ok(
    `zfs send ${quote(first)} | ssh dst ${quote(sh`zfs receive -u -o readonly=on ${target}`)}`,
  );
  const labels = Array.from({ length: count - 1 }, (_, index) => `hourly-${index + 1}`);
  await Promise.all([manySnapshots(src, source, labels), manySnapshots(dst, target, labels)]);
};
