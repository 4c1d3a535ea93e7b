import { dst, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';
import { assertArrived, type Compressor, raw, syncoid, type Way, zferry } from './contenders.ts';
import { atLeast, atMost, type Goal, median, type Section, spread, table, two } from './figures.ts';
import { timed, type Usage, watched } from './measure.ts';
import { destroyWays, makeWays } from './ways.ts';

const MIB = 2 ** 20;

/** 1 GiB: half of it cannot be compressed, a quarter a little, a quarter well. */
const writeMixed = async ({ source }: Way): Promise<void> => {
  await src.ok(
    sh`cd /${source} && for i in 1 2 3 4; do head -c ${128 * MIB} /dev/urandom >random-$i; done;
      base64 -w 76 /dev/urandom | head -c ${256 * MIB} >text; seq 100000000 | head -c ${256 * MIB} >log; zpool sync`,
    { timeout: 300_000 },
  );
};

/** The same stream, by each in turn. */
interface Racer {
  readonly name: string;
  readonly run: () => Promise<number>;
  /** Takes both sides back to where they were. */
  readonly reset: () => Promise<unknown>;
}

const race = async (rounds: number, racers: readonly Racer[]) => {
  const seconds = new Map<string, number[]>(racers.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, run, reset } of racers) {
      const took = await run();
      await reset();
      if (round > 0) seconds.get(name)?.push(took);
    }
  }
  return (name: string): readonly number[] => seconds.get(name) ?? [];
};

const forget = (dataset: string) =>
  dst.ok(sh`zfs destroy -r ${dataset}; zpool wait -t free ${dst.pool}; zpool sync`);

/** zferry's run, and what it used itself. */
const watchedRun = (command: string, way: Way, usages: Usage[]) => async (): Promise<number> => {
  const usage = await watched(command);
  await assertArrived(way);
  usages.push(usage);
  return usage.seconds;
};

const goalsOf = (what: string, ours: number, theirs: number, usages: readonly Usage[]): Goal[] => [
  atLeast(`${what}: rate to that of the raw pipeline`, theirs / ours, 0.97),
  atMost(
    `${what}: zferry's own CPU time in percent of the time`,
    100 * median(usages.map(({ processor, seconds }) => processor / seconds)),
    1,
    ' %',
  ),
  atMost(`${what}: zferry's memory`, Math.max(...usages.map(({ memory }) => memory)), 80, ' MiB'),
];

const rowOf = (what: string, name: string, seconds: readonly number[], base: number) => [
  what,
  name,
  spread(seconds),
  `${Math.round(1024 / median(seconds))} MiB/s`,
  two(base / median(seconds)),
];

const head = ['', '', 'seconds: median (spread)', 'rate', 'rate to the raw pipeline'];

const full = async (rounds: number, way: Way, compressor: Compressor) => {
  const snapshot = `${way.source}@bench`;
  const usages: Usage[] = [];
  const seconds = await race(rounds, [
    {
      name: 'zferry',
      run: watchedRun(zferry().prime(way, compressor), way, usages),
      reset: () => forget(way.target),
    },
    {
      name: 'raw',
      run: () => timed(raw(compressor, `${way.target}-raw`, snapshot)),
      reset: () => forget(`${way.target}-raw`),
    },
    {
      name: 'syncoid',
      run: () => timed(syncoid.prime({ ...way, target: `${way.target}-syncoid` }, compressor)),
      reset: () => forget(`${way.target}-syncoid`),
    },
  ]);
  const base = median(seconds('raw'));
  return {
    rows: ['zferry', 'raw', 'syncoid'].map((name) => rowOf(compressor, name, seconds(name), base)),
    goals: goalsOf(`full send, ${compressor}`, median(seconds('zferry')), base, usages),
  };
};

/** Full sends of 1 GiB of mixed data. */
export const fullStreams = async (
  rounds: number,
  compressors: readonly Compressor[],
): Promise<Section> => {
  try {
    const [way] = await makeWays(1);
    if (way === undefined) throw new Error('no datasets');
    await writeMixed(way);
    await src.ok(sh`zfs snapshot ${`${way.source}@bench`}`);
    const parts: Awaited<ReturnType<typeof full>>[] = [];
    for (const compressor of compressors) parts.push(await full(rounds, way, compressor));
    return {
      title: 'A full send of 1 GiB',
      text: table(
        head,
        parts.flatMap(({ rows }) => rows),
      ),
      goals: parts.flatMap(({ goals }) => goals),
    };
  } finally {
    await destroyWays();
  }
};

/** An increment of 1 GiB, from a base that stays. */
export const incrementalStream = async (
  rounds: number,
  compressor: Compressor,
): Promise<Section> => {
  try {
    const [way] = await makeWays(1);
    if (way === undefined) throw new Error('no datasets');
    await timed(zferry().prime(way, compressor));
    const newest = await src.ok(
      sh`zfs list -H -d 1 -t snapshot -o name ${way.source} | cut -d @ -f 2`,
    );
    await writeMixed(way);
    await src.ok(sh`zfs snapshot ${`${way.source}@bench`}`);
    const base = `${way.target}@${newest}`;
    const reset = () =>
      dst.ok(sh`zfs rollback -r ${base}; zpool wait -t free ${dst.pool}; zpool sync`);
    const keeping = zferry('--keep', '100', '--keep-target', 'last=100');
    const usages: Usage[] = [];
    const seconds = await race(rounds, [
      { name: 'zferry', run: watchedRun(keeping.cycle(way, compressor), way, usages), reset },
      {
        name: 'raw',
        run: () => timed(raw(compressor, way.target, '-i', `@${newest}`, `${way.source}@bench`)),
        reset,
      },
    ]);
    const floor = median(seconds('raw'));
    return {
      title: 'An increment of 1 GiB',
      text: table(
        head,
        ['zferry', 'raw'].map((name) => rowOf(compressor, name, seconds(name), floor)),
      ),
      goals: goalsOf(`increment, ${compressor}`, median(seconds('zferry')), floor, usages),
    };
  } finally {
    await destroyWays();
  }
};
