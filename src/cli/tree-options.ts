import { type Command, Option } from 'commander';
import { isPrintable, usageError } from '../errors.ts';
import type { Tree } from '../replication/request.ts';
import { shown } from '../zfs/names.ts';
import { parseCount } from './quantities.ts';

/** What the options about trees come to. */
export interface TreeOptions {
  readonly recursive?: boolean;
  readonly exclude?: readonly string[];
  readonly maxDepth?: number;
  readonly parallel?: number;
}

/** sshd takes ten sessions by one login, unless it was told otherwise (MaxSessions). */
const mostParallel = 10;

const patternProblem = (text: string): string | undefined => {
  if (text === '' || !isPrintable(text)) return 'is no pattern';
  return /^\/|\/$/.test(text) ? 'begins or ends with a slash' : undefined;
};

const parsePattern = (text: string): string => {
  const problem = patternProblem(text);
  if (problem === undefined) return text;
  throw usageError(
    `--exclude: '${shown(text)}' ${problem}`,
    "write a path below the source, such as 'scratch', 'vm-*' or 'home/*/cache'",
  );
};

/** 0 is the source alone. */
const parseDepth = (text: string): number => {
  if (/^(0|[1-9][0-9]{0,8})$/.test(text)) return Number(text);
  throw usageError(`--max-depth: '${shown(text)}' is not a whole number from 0 on`);
};

const parallel = (value: string): number => {
  const count = parseCount(value);
  if (count <= mostParallel) return count;
  throw usageError(`--parallel: '${shown(value)}' is more than ${mostParallel}`);
};

/** Adds the options that make a tree of a source. */
export const withTreeOptions = (command: Command): Command =>
  command
    .option('-r, --recursive', 'all datasets below the source too, as they are at one moment')
    .addOption(
      new Option(
        '--exclude <pattern>',
        "leave out what is called so below the source, and all below it, such as 'scratch' or 'home/*/cache'; may be repeated",
      ).argParser((value: string, earlier: readonly string[] = []) => [
        ...earlier,
        parsePattern(value),
      ]),
    )
    .addOption(
      new Option('--max-depth <n>', 'no more than N levels below the source').argParser(parseDepth),
    )
    .option(
      '--parallel <n>',
      'send N datasets at a time, by one login; for disks on which each waits long for its end (default: 1)',
      parallel,
    );

/** The tree that was asked for; undefined for the source alone. Throws a usage error for options without `--recursive`. */
export const treeFrom = (
  options: TreeOptions & { readonly replace?: boolean },
): Tree | undefined => {
  const { recursive, exclude = [], maxDepth, parallel: lanes, replace } = options;
  if (recursive && replace) {
    throw usageError(
      '--replace is for one dataset, not for a tree',
      'replace the datasets that need it one by one, without --recursive',
    );
  }
  if (recursive) return { exclude, maxDepth, parallel: lanes ?? 1 };
  const given = { '--exclude': exclude[0], '--max-depth': maxDepth, '--parallel': lanes };
  const [stray] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (stray === undefined) return undefined;
  throw usageError(`${stray} is about the datasets below the source`, 'add --recursive');
};
