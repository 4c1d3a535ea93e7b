import type { Background } from '../lab/support/background.ts';
import { src } from '../lab/support/host.ts';
import { quote } from '../lab/support/quote.ts';
import type { Result } from '../lab/support/result.ts';

/** What is replicated: one filesystem, one volume, a tree of both, or one filesystem to two targets in one run. */
export const shapes = ['filesystem', 'volume', 'tree', 'two targets'] as const;
export type Shape = (typeof shapes)[number];

/** A replica: of the root, where it is one of a tree. */
export interface Target {
  /** As the command line has it. */
  readonly place: string;
  readonly dataset: string;
}

/** A crontab entry: one source and what it goes to. */
export interface Entry {
  readonly shape: Shape;
  readonly source: string;
  readonly targets: readonly Target[];
  readonly options: readonly string[];
  readonly log: string;
  /** How many snapshots of the series the policy leaves on each target. */
  readonly keeps: number;
  /** How many of the series it leaves on the source, besides the bases. */
  readonly keepsHere: number;
}

/** The source of each shape. */
export const sourceOf: Readonly<Record<Shape, string>> = {
  filesystem: 'tank/torture',
  volume: 'tank/torture_v',
  tree: 'tank/torture_t',
  'two targets': 'tank/torture_w',
};

/** All sources. */
export const sources: readonly string[] = Object.values(sourceOf);

/** A shape's options besides those of retention. */
const optionsOf: Readonly<Record<Shape, readonly string[]>> = {
  filesystem: [],
  volume: [],
  tree: ['--recursive'],
  // Both targets are on one host: the text log calls them by one name.
  'two targets': ['--log-format', 'json'],
};

const targetAt =
  (source: string) =>
  (dataset: string): Target => ({
    place: dataset === source ? 'dst' : `dst:${dataset}`,
    dataset,
  });

/** Just the base stays on both sides. */
const makeEntry = (shape: Shape, ...datasets: readonly [string, ...string[]]): Entry => ({
  shape,
  source: sourceOf[shape],
  targets: datasets.map(targetAt(sourceOf[shape])),
  options: optionsOf[shape],
  log: `/var/log/torture-${datasets[0].replaceAll('/', '_')}.log`,
  keeps: 1,
  keepsHere: 0,
});

/** With a short history on both sides. */
const keeping = (entry: Entry): Entry => ({
  ...entry,
  options: [...entry.options, ...['--keep', '2', '--keep-target', 'last=3']],
  keeps: 3,
  keepsHere: 2,
});

/** What most faults strike when a single filesystem is replicated. */
export const main = keeping(makeEntry('filesystem', 'tank/torture'));
/** A second entry of the same source, with no options: just the base. */
export const second = makeEntry('filesystem', 'tank/torture_b');
/** A third, which is seldom served. */
export const third = makeEntry('filesystem', 'tank/torture_d');
/** On a pool of its own, which can be suspended. */
export const frail = makeEntry('filesystem', 'frail/torture');

/** What is struck in a round of that shape, unless a fault has an entry of its own. */
export const struckIn: Readonly<Record<Shape, Entry>> = {
  filesystem: main,
  volume: makeEntry('volume', 'tank/torture_v'),
  tree: makeEntry('tree', 'tank/torture_t'),
  'two targets': keeping(makeEntry('two targets', 'tank/torture_w', 'tank/torture_w_b')),
};

/** What first full sends go to, and then is removed again. */
export const freshIn: Readonly<Record<Shape, Entry>> = {
  filesystem: makeEntry('filesystem', 'tank/torture_c'),
  volume: makeEntry('volume', 'tank/torture_v_c'),
  tree: makeEntry('tree', 'tank/torture_t_c'),
  'two targets': makeEntry('two targets', 'tank/torture_w_c', 'tank/torture_w_d'),
};

/** Those that are always there. */
export const permanent: readonly Entry[] = [...Object.values(struckIn), second, third];

export const entries: readonly Entry[] = [...permanent, ...Object.values(freshIn), frail];

/** The dataset of a volume's bytes. */
export const deviceOf = (volume: string): string => `/dev/zvol/${volume}`;

/** Below the tree's root, those that are always there, each behind the one above it; the last is a volume. */
export const treeChildren = ['a', 'a/b', 'c', 'v'] as const;

/** True where a child of the tree is a volume. */
export const isVolumeChild = (path: string): boolean => path === 'v';

/**
 * Limits short enough for a round: a dead wire is noticed after some seconds instead of a minute, a stall
 * after fifteen instead of ten minutes.
 */
const patience = [
  ...['--stall', '15s', '--ssh-option', 'ConnectTimeout=5'],
  ...['--ssh-option', 'ServerAliveInterval=3', '--ssh-option', 'ServerAliveCountMax=2'],
] as const;

/** What cron gives a job, and the folder of the taps in front of its PATH. */
const cron = 'env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=/usr/local/sbin:/usr/bin:/bin';

/** How long a cycle may take, faults and all: no fault lets one hang for longer. */
export const LONGEST_CYCLE_MS = 150_000;

export type Verb = 'run' | 'prime';

/** How a cycle ended, and the lines that its log got meanwhile. */
export interface CycleResult extends Result {
  readonly lines: readonly string[];
}

const behind = '===== log';

const zferry = (words: readonly string[], log: string): string =>
  `cd /; before=$(cat ${log} 2>/dev/null | wc -c); ${cron} /usr/local/bin/zferry ${words.map(quote).join(' ')}; code=$?; echo ${quote(behind)}; tail -c "+$((before + 1))" ${log} 2>/dev/null; exit $code`;

const commandLine = (verb: Verb, entry: Entry, extra: readonly string[]): string => {
  const { source, targets, options, log } = entry;
  const words = [verb, source, ...targets.map(({ place }) => place), ...options, '--log', log];
  return zferry([...words, ...patience, ...extra], log);
};

const read = ({ stdout, ...rest }: Result): CycleResult => {
  const [own = '', lines = ''] = stdout.split(`${behind}\n`);
  return { ...rest, stdout: own, lines: lines.split('\n').filter(Boolean) };
};

/** Starts a cycle as cron would, and goes on. */
export const start = (
  verb: Verb,
  entry: Entry,
  ...extra: readonly string[]
): Promise<CycleResult> => {
  const cycle: Background = src.start(commandLine(verb, entry, extra), {
    timeout: LONGEST_CYCLE_MS,
  });
  const done = cycle.done.then(read);
  // It is awaited later, perhaps when the host has been unplugged.
  done.catch(() => undefined);
  return done;
};

/** A whole cycle as cron would start it. */
export const run = async (
  verb: Verb,
  entry: Entry,
  ...extra: readonly string[]
): Promise<CycleResult> =>
  read(await src.run(commandLine(verb, entry, extra), { timeout: LONGEST_CYCLE_MS }));

/** A cycle of one member of a tree alone, beside the tree's own. */
export const runPart = async (source: string, replica: string): Promise<CycleResult> => {
  const log = '/var/log/torture-part.log';
  const words = ['run', source, `dst:${replica}`, '--log', log, ...patience];
  return read(await src.run(zferry(words, log), { timeout: LONGEST_CYCLE_MS }));
};
