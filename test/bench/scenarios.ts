import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { wire } from '../lab/support/wire.ts';
import { compressors, floor, simplesnap, syncoid, zferry } from './contenders.ts';
import { atLeast, atMost, type Goal, median, type Section, spread, table, two } from './figures.ts';
import { timed } from './measure.ts';
import { rateAndProgress } from './rate.ts';
import { type Course, lanesOf, type Row, race, roundRobin, smallChange } from './round-robin.ts';
import { fullStreams, incrementalStream } from './streams.ts';
import { changes, installTreeFloor, plant, treeFloor, treeSyncoid, treeZferry } from './trees.ts';
import { withHistory } from './ways.ts';

export interface Scenario {
  readonly name: string;
  readonly run: (rounds: number) => Promise<Section>;
}

const nothing = (): Promise<void> => Promise.resolve();

const secondsOf = (rows: readonly Row[], name: string): number =>
  median(rows.find((row) => row.name === name)?.seconds ?? []);

const cycleTable = (rows: readonly Row[], baseName = floor.name): string => {
  const base = secondsOf(rows, baseName);
  return table(
    [
      '',
      'seconds: median (spread)',
      'to the floor',
      'ssh',
      'zfs here',
      'zfs there',
      'programs here',
      'largest process, MiB',
    ],
    rows.map(({ name, seconds, cost }) => [
      name,
      spread(seconds),
      two(median(seconds) / base),
      ...(cost === undefined
        ? ['', '', '', '', '']
        : [cost.ssh, cost.zfsHere, cost.zfsThere, cost.programs, Math.round(cost.memory)]),
    ]),
  );
};

/** What of its kind Debian has. */
const peers = [syncoid, simplesnap] as const;

/** Every contender once around, with a small change or none. */
const course = (rounds: number, more: Partial<Course> = {}): Course => ({
  contenders: [zferry(), floor, ...peers],
  rounds,
  compressor: 'lzop',
  prepare: smallChange,
  change: smallChange,
  isPrimed: true,
  targets: 1,
  ...more,
});

/** Of something that takes ten times as long. */
const fifth = (rounds: number): number => Math.ceil(rounds / 5);

/** zferry over a connection that is there already. */
const persistent = zferry('--persist', '10m');

const smallCourse = (rounds: number): Course =>
  course(rounds, { contenders: [zferry(), persistent, floor, ...peers] });

/** How long the binary takes to start, in the same place as all the rest. */
const startTime = async (rounds: number): Promise<number> => {
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const took = await timed('/usr/local/bin/zferry --version');
    if (round > 0) seconds.push(took);
  }
  return median(seconds);
};

/** Of syncoid zferry is to be so many times as fast, and faster than any other. */
const cycleGoals = (rows: readonly Row[], start: number, times: number, where: string): Goal[] => {
  const own = secondsOf(rows, 'zferry');
  return [
    atMost(
      `a cycle ${where}, to the floor and the binary's start`,
      own / (secondsOf(rows, 'floor') + start),
      1.1,
    ),
    ...peers.flatMap(({ name }) => {
      if (!rows.some((row) => row.name === name)) return [];
      const atLeastTimes = name === syncoid.name ? times : 1;
      const figure = secondsOf(rows, name) / own;
      return [atLeast(`faster than ${name} ${where}`, figure, atLeastTimes, ' times')];
    }),
  ];
};

const small: Scenario = {
  name: 'small',
  run: async (rounds) => {
    const rows = await roundRobin(smallCourse(rounds));
    const start = await startTime(rounds);
    return {
      title: 'A small change, fast wire',
      text: `${cycleTable(rows)}\n\nStart of the binary there (\`zferry --version\`): ${two(start)} s.`,
      goals: cycleGoals(rows, start, 2.5, 'on a fast wire'),
    };
  },
};

const far: Scenario = {
  name: 'far',
  run: async (rounds) => {
    await wire.delay(50);
    try {
      const rows = await roundRobin(smallCourse(rounds));
      const start = await startTime(rounds);
      return {
        title: 'A small change, 50 ms round trip',
        text: cycleTable(rows),
        goals: [
          ...cycleGoals(rows, start, 2.8, 'at 50 ms'),
          atMost(
            'with --persist, a small cycle at 50 ms to the floor',
            secondsOf(rows, persistent.name) / secondsOf(rows, floor.name),
            0.5,
          ),
        ],
      };
    } finally {
      await wire.clear();
    }
  },
};

const unchanged: Scenario = {
  name: 'unchanged',
  run: async (rounds) => ({
    title: 'Nothing changed',
    text: cycleTable(await roundRobin(course(rounds, { change: nothing }))),
    goals: [],
  }),
};

/**
 * Of how many snapshots on both sides; all in turn, each in a dataset of its own. The floor has ten: ZFS takes space by the
 * square of a dataset's snapshots, and another ten thousand would not fit into the hosts' pools.
 */
const many: Scenario = {
  name: 'snapshots',
  run: async (rounds) => {
    const counts = new Map(
      [10, 1_000, 10_000].map((count) => {
        const name = `zferry, ${count.toLocaleString('en')} snapshots`;
        return [name, { count, contender: { ...zferry(), name } }];
      }),
    );
    const rows = await roundRobin(
      course(rounds, {
        contenders: [...[...counts.values()].map(({ contender }) => contender), floor],
        prepare: (way, { name }) => withHistory(way, counts.get(name)?.count ?? 10),
        isPrimed: false,
      }),
    );
    const [few = Number.NaN, , most = Number.NaN] = [...counts.keys()].map((name) =>
      secondsOf(rows, name),
    );
    return {
      title: 'Many snapshots',
      text: cycleTable(rows),
      goals: [atMost('10,000 snapshots to 10', most / few, 1.3)],
    };
  },
};

const twoTargets: Scenario = {
  name: 'two-targets',
  run: async (rounds) => ({
    title: 'Two targets at once',
    text: cycleTable(
      await roundRobin(course(rounds, { targets: 2, contenders: [zferry(), floor, syncoid] })),
    ),
    goals: [],
  }),
};

/** Trees of so many datasets; syncoid takes an ssh session and more for each, and is left out of the large one. */
const treesOf = async (count: number, rounds: number): Promise<Section> => {
  await installTreeFloor();
  const parts: string[] = [];
  const goals: Goal[] = [];
  const contenders = [treeZferry, treeFloor, ...(count === 50 ? [treeSyncoid] : [])];
  const planted = course(fifth(rounds), { contenders, prepare: plant(count) });
  const lanes = await lanesOf(planted);
  for (const [what, change] of Object.entries(changes(count))) {
    const isFew = count === 50 && what === 'all';
    const own = what === 'all' ? lanes : lanes.filter((lane) => lane.contender !== treeSyncoid);
    const rows = await race(own, { ...planted, change });
    parts.push(`${what} changed:\n\n${cycleTable(rows, treeFloor.name)}`);
    if (isFew) {
      const ratio = secondsOf(rows, treeZferry.name) / secondsOf(rows, treeFloor.name);
      goals.push(atMost("50 datasets, all changed, to the floor's send -R", ratio, 1.3));
    }
  }
  return { title: `A tree of ${count} datasets`, text: parts.join('\n\n'), goals };
};

const trees: Scenario = { name: 'trees', run: (rounds) => treesOf(50, rounds) };
const largeTrees: Scenario = { name: 'large-trees', run: (rounds) => treesOf(500, rounds) };

const full: Scenario = {
  name: 'full',
  run: (rounds) => fullStreams(fifth(rounds), compressors),
};

const increment: Scenario = {
  name: 'increment',
  run: (rounds) => incrementalStream(fifth(rounds), 'lzop'),
};

const binary = fileURLToPath(new URL('../../dist/zferry', import.meta.url));

const onThisMachine = async (program: string, ...parameters: readonly string[]) => {
  const { durationMs } = await execa(program, parameters);
  return durationMs / 1_000;
};

const start: Scenario = {
  name: 'start',
  run: async (rounds) => {
    const own: number[] = [];
    const node: number[] = [];
    for (let round = 0; round <= 4 * rounds; round += 1) {
      own.push(await onThisMachine(binary, '--version'));
      node.push(await onThisMachine(process.execPath, '-e', '0'));
    }
    return {
      title: 'Start of the binary',
      text: table(
        ['on this machine, not in a guest', 'seconds: median (spread)'],
        [
          ['zferry --version', spread(own)],
          [`node -e 0, of Node ${process.versions.node}`, spread(node)],
        ],
      ),
      goals: [atMost("start, to that of 'node -e 0'", median(own) / median(node), 1.8)],
    };
  },
};

const rate: Scenario = {
  name: 'rate',
  run: (rounds) => rateAndProgress(fifth(rounds)),
};

export const scenarios: readonly Scenario[] = [
  ...[small, far, unchanged, full, increment, start, twoTargets, trees, largeTrees, rate],
  // The last: nobody waits until ZFS has destroyed ten thousand snapshots
  many,
];
