import { env, stderr, stdout } from 'node:process';
import chalk, { chalkStderr } from 'chalk';
import { brief, failure, oneLine, type ZferryError } from '../errors.ts';
import type { Finding } from '../replication/doctor/finding.ts';
import type { Progress } from '../replication/observer.ts';
import { cut, progressTeller, shortText } from './progress.ts';

/**
 * What goes where. Standard output has what was asked for: `--json`, the plan of `--dry-run`, and on a
 * terminal the line that the log gets too. Standard error has `zferry: error: …`, `zferry: hint: …`,
 * `zferry: warning: …`, the steps of `-v`, and on a terminal the progress line. Off a terminal a cycle
 * that succeeds prints nothing: cron would mail it.
 */

// no-color.org; chalk goes by the terminal alone.
if (env['NO_COLOR']) {
  chalkStderr.level = 0;
  chalk.level = 0;
}

const clearLine = '\r\u001b[K';
let isProgressShown = false;

const print = (line: string): void => {
  if (isProgressShown) stderr.write(clearLine);
  isProgressShown = false;
  stderr.write(`${line}\n`);
};

/** True where a person watches. */
export const isWatched = (): boolean => stderr.isTTY === true;

/** `prefix` tells of several targets which one it is about. */
export const printError = (error: ZferryError, prefix = ''): void => {
  print(`zferry: ${chalkStderr.red('error')}: ${prefix}${error.message}`);
  if (error.hint !== undefined) print(`zferry: ${chalkStderr.cyan('hint')}: ${error.hint}`);
};

export const printWarning = (text: string): void => {
  print(`zferry: ${chalkStderr.yellow('warning')}: ${oneLine(text)}`);
};

const levelColours = { ok: chalk.green, warn: chalk.yellow, bad: chalk.red } as const;

const findingLine = ({ check, level, seen, hint }: Finding, width: number): string => {
  const head = `${levelColours[level](level.padEnd(4))} ${check.padEnd(width)} ${brief(seen)}`;
  return hint === undefined ? head : `${head}\n     ${chalk.cyan('hint:')} ${oneLine(hint)}`;
};

/** What `zferry doctor` found, a line each, and below it how to mend it. */
export const findingLines = (findings: readonly Finding[]): readonly string[] => {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings.map((finding) => findingLine(finding, width));
};

/** A line of `-v`, or something that is announced before it is done. */
export const printStep = (text: string): void => print(`zferry: ${text}`);

export const printResult = (line: string): void => {
  if (isProgressShown) stderr.write(clearLine);
  isProgressShown = false;
  stdout.write(`${line}\n`);
};

/**
 * What is done when nobody can be told. Whoever reads may go away before the end (`| head`): that is their
 * business, and a replication goes on. Anything else that keeps the output back is said.
 */
export const bearLostOutput = (): void => {
  stderr.on('error', () => undefined);
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      printError(failure(`cannot write to standard output: ${error.message}`));
    }
  });
};

/** Where a stream's progress is told. */
export interface ProgressShown {
  readonly tell: (progress: Progress) => void;
  /** There will be no more of it. */
  readonly end: () => void;
}

const rewriteLine = (line: string): void => {
  isProgressShown = true;
  stderr.write(`${clearLine}${line}`);
};

/** Shows progress on one line that rewrites itself. zfs says once a second how far it is. */
export const progressLine = (subject: string): ProgressShown => {
  const tell = progressTeller();
  return {
    tell: (progress) => {
      if (progress.sent > 0) rewriteLine(`${subject}: ${tell(progress, performance.now())}`);
    },
    end: () => undefined,
  };
};

/** Shows several streams on one such line, as many as it has room for, each by its name's place. */
export const sharedProgressLine = (
  subject: string,
  names: readonly string[],
): ((index: number) => ProgressShown) => {
  const told = new Map<number, string>();
  return (index) => {
    const tell = progressTeller(shortText);
    return {
      tell: (progress) => {
        if (progress.sent === 0) return;
        told.set(index, `${names[index]} ${tell(progress, performance.now())}`);
        const streams = [...told].toSorted(([a], [b]) => a - b).map(([, text]) => text);
        // A line that breaks cannot be taken back as a whole.
        rewriteLine(cut(`${subject}: ${streams.join('; ')}`, (stderr.columns ?? 80) - 1));
      },
      end: () => {
        told.delete(index);
      },
    };
  };
};
