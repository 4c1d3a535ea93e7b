import { dst, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';
import {
  assertArrived,
  type Compressor,
  isThere,
  raw,
  syncoid,
  type Way,
  zferry,
} from './contenders.ts';
import { atLeast, atMost, type Goal, median, type Section, spread, table, two } from './figures.ts';
import { timed, type Usage, watched } from './measure.ts';
import { destroyWays, makeWays } from './ways.ts';

const MIB = 2 ** 20;

/** Of how many MiB the streams are: what a run costs beside its stream is the same for both. */
const sizes = { long: 1024, short: 128 } as const;
type Size = keyof typeof sizes;

/** A dataset of each size. */
type Ways = Readonly<Record<Size, Way>>;

/** Half of it cannot be compressed, a quarter a little, a quarter well. */
const writeMixed = async ({ source }: Way, size: Size): Promise<void> => {
  const eighth = (sizes[size] * MIB) / 8;
  await src.ok(
    sh`cd /${source} && for i in 1 2 3 4; do head -c ${eighth} /dev/urandom >random-$i; done;
      base64 -w 76 /dev/urandom | head -c ${2 * eighth} >text; seq 100000000 | head -c ${2 * eighth} >log; zpool sync`,
    { timeout: 300_000 },
  );
};

/** A dataset of each size, made ready one after the other. */
const makeBoth = async (prepare: (way: Way, size: Size) => Promise<void>): Promise<Ways> => {
  const [[long], [short]] = [await makeWays(1), await makeWays(1)];
  if (long === undefined || short === undefined) throw new Error('no datasets');
  await prepare(long, 'long');
  await prepare(short, 'short');
  return { long, short };
};

/** The same stream, by each in turn. */
interface Racer {
  readonly name: string;
  readonly command: (way: Way) => string;
  /** Takes both sides of its dataset back to where they were. */
  readonly reset: (way: Way) => Promise<unknown>;
  /** Looks whether it arrived, where that is no matter of course. */
  readonly check?: (way: Way) => Promise<void>;
  /** Which streams it runs for. */
  readonly runs: readonly Size[];
}

type Seconds = (name: string, size: Size) => readonly number[];

/** After one round that does not count. Nothing else runs on the hosts meanwhile, not even what watches. */
const race = async (rounds: number, ways: Ways, racers: readonly Racer[]): Promise<Seconds> => {
  const seconds = new Map<string, number[]>();
  const key = (name: string, size: Size) => `${name} ${size}`;
  for (let round = 0; round <= rounds; round += 1) {
    for (const size of ['long', 'short'] as const) {
      for (const { name, command, check, reset, runs } of racers) {
        if (!runs.includes(size)) continue;
        const took = await timed(command(ways[size]));
        await check?.(ways[size]);
        await reset(ways[size]);
        if (round === 0) seconds.set(key(name, size), []);
        else seconds.get(key(name, size))?.push(took);
      }
    }
  }
  return (name, size) => seconds.get(key(name, size)) ?? [];
};

/** What one run of zferry itself uses. It does not count for the race: who watches takes time from who is watched. */
const usageOf = async ({ command, check, reset }: Racer, way: Way): Promise<Usage> => {
  const usage = await watched(command(way));
  await check?.(way);
  await reset(way);
  return usage;
};

const usagesOf = async (racer: Racer, { long, short }: Ways): Promise<Usages> => ({
  long: await usageOf(racer, long),
  short: await usageOf(racer, short),
});

const both: readonly Size[] = ['long', 'short'];

/** How long the bytes take by which the long stream is longer. */
const growth = (seconds: Seconds, name: string): number =>
  median(seconds(name, 'long')) - median(seconds(name, 'short'));

/** What zferry itself uses for either stream. */
type Usages = Readonly<Record<Size, Usage>>;

const beside = 'without what a run costs beside its stream';

const goalsOf = (what: string, seconds: Seconds, { long, short }: Usages): Goal[] => [
  atLeast(
    `${what}: rate to that of the raw pipeline`,
    median(seconds('raw', 'long')) / median(seconds('zferry', 'long')),
    0.97,
  ),
  atLeast(`${what}: the same ${beside}`, growth(seconds, 'raw') / growth(seconds, 'zferry'), 0.97),
  atMost(
    `${what}: zferry's own CPU time in percent of the time`,
    (100 * long.processor) / long.seconds,
    1,
    ' %',
  ),
  atMost(
    `${what}: the same ${beside}`,
    (100 * (long.processor - short.processor)) / (long.seconds - short.seconds),
    1,
    ' %',
  ),
  atMost(`${what}: zferry's memory`, Math.max(long.memory, short.memory), 80, ' MiB'),
];

const rowOf = (what: string, name: string, seconds: Seconds) => {
  const long = seconds(name, 'long');
  const hasShort = seconds(name, 'short').length > 0;
  return [
    what,
    name,
    spread(long),
    `${Math.round(sizes.long / median(long))} MiB/s`,
    two(median(seconds('raw', 'long')) / median(long)),
    hasShort ? spread(seconds(name, 'short')) : '',
    hasShort ? two(growth(seconds, 'raw') / growth(seconds, name)) : '',
  ];
};

const head = [
  ...['', '', `${sizes.long} MiB, seconds: median (spread)`, 'rate', 'rate to the raw pipeline'],
  ...[`${sizes.short} MiB`, 'rate of what is between the two, to the raw pipeline'],
];

/** The row of each racer, and zferry's goals. */
const sum = (what: string, racers: readonly Racer[], seconds: Seconds, usages: Usages) => ({
  rows: racers.map(({ name }) => rowOf(what, name, seconds)),
  goals: goalsOf(what, seconds, usages),
});

const forget = (dataset: string) =>
  dst.ok(sh`zfs destroy -r ${dataset}; zpool wait -t free ${dst.pool}; zpool sync`);

const full = async (rounds: number, ways: Ways, compressor: Compressor, hasSyncoid: boolean) => {
  const own: Racer = {
    name: 'zferry',
    command: (way) => zferry().prime(way, compressor),
    check: assertArrived,
    reset: ({ target }) => forget(target),
    runs: both,
  };
  const peer: Racer = {
    name: 'syncoid',
    command: (way) => syncoid.prime({ ...way, target: `${way.target}-syncoid` }, compressor),
    reset: ({ target }) => forget(`${target}-syncoid`),
    runs: ['long'],
  };
  const racers: readonly Racer[] = [
    own,
    {
      name: 'raw',
      command: ({ source, target }) => raw(compressor, `${target}-raw`, `${source}@bench`),
      reset: ({ target }) => forget(`${target}-raw`),
      runs: both,
    },
    ...(hasSyncoid ? [peer] : []),
  ];
  const seconds = await race(rounds, ways, racers);
  return sum(`full send, ${compressor}`, racers, seconds, await usagesOf(own, ways));
};

const section = (title: string, parts: readonly ReturnType<typeof sum>[]): Section => ({
  title,
  text: table(
    head,
    parts.flatMap(({ rows }) => rows),
  ),
  goals: parts.flatMap(({ goals }) => goals),
});

const bench = (way: Way): string => `${way.source}@bench`;

/** Full sends of 1 GiB of mixed data. */
export const fullStreams = async (
  rounds: number,
  compressors: readonly Compressor[],
): Promise<Section> => {
  try {
    const ways = await makeBoth(async (way, size) => {
      await writeMixed(way, size);
      await src.ok(sh`zfs snapshot ${bench(way)}`);
    });
    const hasSyncoid = await isThere(syncoid);
    const parts: Awaited<ReturnType<typeof full>>[] = [];
    for (const compressor of compressors) {
      parts.push(await full(rounds, ways, compressor, hasSyncoid));
    }
    return section('A full send of 1 GiB', parts);
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
    const bases = new Map<Way, string>();
    const ways = await makeBoth(async (way, size) => {
      await timed(zferry().prime(way, compressor));
      const newest = await src.ok(
        sh`zfs list -H -d 1 -t snapshot -o name ${way.source} | cut -d @ -f 2`,
      );
      bases.set(way, newest);
      await writeMixed(way, size);
      await src.ok(sh`zfs snapshot ${bench(way)}`);
    });
    const reset = (way: Way) =>
      dst.ok(
        sh`zfs rollback -r ${`${way.target}@${bases.get(way)}`}; zpool wait -t free ${dst.pool}; zpool sync`,
      );
    const keeping = zferry('--keep', '100', '--keep-target', 'last=100');
    const own: Racer = {
      name: 'zferry',
      command: (way) => keeping.cycle(way, compressor),
      check: assertArrived,
      reset,
      runs: both,
    };
    const racers: readonly Racer[] = [
      own,
      {
        name: 'raw',
        command: (way) => raw(compressor, way.target, '-i', `@${bases.get(way)}`, bench(way)),
        reset,
        runs: both,
      },
    ];
    const seconds = await race(rounds, ways, racers);
    const usages = await usagesOf(own, ways);
    return section('An increment of 1 GiB', [
      sum(`increment, ${compressor}`, racers, seconds, usages),
    ]);
  } finally {
    await destroyWays();
  }
};
