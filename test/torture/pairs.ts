import type { Background } from '../lab/support/background.ts';
import { src } from '../lab/support/host.ts';
import { quote } from '../lab/support/quote.ts';
import type { Result } from '../lab/support/ssh.ts';

/** The dataset that everything is about. */
export const SOURCE = 'tank/torture';

/** One target of it, with the options of its crontab entry. */
export interface Target {
  /** As the command line has it. */
  readonly place: string;
  readonly dataset: string;
  readonly options: readonly string[];
  readonly log: string;
  /** How many snapshots of the series the policy leaves there. */
  readonly keeps: number;
}

const makeTarget = (dataset: string, keeps: number, ...options: readonly string[]): Target => ({
  place: dataset === SOURCE ? 'dst' : `dst:${dataset}`,
  dataset,
  options,
  log: `/var/log/torture-${dataset.replaceAll('/', '_')}.log`,
  keeps,
});

/** How many snapshots of the series the main pair's crontab entry leaves on the source. */
export const KEPT_HERE = 2;

/** What most faults strike: it keeps a short history on both sides. */
export const main = makeTarget(
  SOURCE,
  3,
  ...['--keep', String(KEPT_HERE), '--keep-target', 'last=3'],
);
/** A second target of the same source, with no options: just the base. */
export const second = makeTarget('tank/torture_b', 1);
/** A third, which is seldom served. */
export const third = makeTarget('tank/torture_d', 1);
/** What first full sends go to, and then is removed again. */
export const fresh = makeTarget('tank/torture_c', 1);
/** On a pool of its own, which can be suspended. */
export const frail = makeTarget('frail/torture', 1);

/** Those that are always there. */
export const permanent: readonly Target[] = [main, second, third];

export const targets: readonly Target[] = [...permanent, fresh, frail];

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
export const LONGEST_CYCLE_MS = 100_000;

const commandLine = (verb: Verb, target: Target, extra: readonly string[]): string => {
  const words = [verb, SOURCE, target.place, ...target.options, '--log', target.log];
  return `cd / && ${cron} /usr/local/bin/zferry ${[...words, ...patience, ...extra].map(quote).join(' ')}`;
};

export type Verb = 'run' | 'prime';

/** Starts a cycle as cron would, and goes on. */
export const start = (verb: Verb, target: Target, ...extra: readonly string[]): Background =>
  src.start(commandLine(verb, target, extra), { timeout: LONGEST_CYCLE_MS });

/** A whole cycle as cron would start it. */
export const run = (verb: Verb, target: Target, ...extra: readonly string[]): Promise<Result> =>
  src.run(commandLine(verb, target, extra), { timeout: LONGEST_CYCLE_MS });
