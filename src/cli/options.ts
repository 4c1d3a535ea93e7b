import { type Command, Option } from 'commander';
import { isPrintable, usageError, ZferryError } from '../errors.ts';
import { compressorNames, parseCompression } from '../hosts/compressors.ts';
import { limiter } from '../hosts/limiter.ts';
import { type Place, parseSource, parseTarget } from '../hosts/place.ts';
import { defaultLog } from '../journal/location.ts';
import type { LogFormat } from '../journal/log.ts';
import type { Request } from '../replication/request.ts';
import { parseRetentionPolicy, type RetentionPolicy } from '../replication/retention.ts';
import { defaultNameFormat, parseNameFormat } from '../replication/series.ts';
import { shown, snapshotName } from '../zfs/names.ts';
import { freshSuffix, siblingOf } from '../zfs/siblings.ts';
import { parseBytes, parseCount, parsePersistence, parseTime } from './quantities.ts';
import { type TreeOptions, treeFrom, withTreeOptions } from './tree-options.ts';

/** What a replicating verb's options say about what is printed and written. */
export interface OutputOptions {
  readonly log: string;
  readonly logFormat: LogFormat;
  readonly json?: boolean;
  /** How often `-v` was given. */
  readonly verbose?: number;
  readonly quiet?: boolean;
}

/** The options as commander hands them over. */
export interface ReplicatingOptions extends OutputOptions, TreeOptions {
  readonly compress?: string;
  readonly rate?: number;
  readonly keep?: number;
  readonly keepTarget?: RetentionPolicy;
  readonly includeSnapshots?: readonly string[];
  readonly stall: number;
  readonly sudo?: boolean;
  readonly sshOption?: readonly string[];
  readonly persist?: number;
  readonly nameFormat: string;
  readonly decrypt?: boolean;
  readonly properties?: boolean;
  readonly dryRun?: boolean;
  readonly abortPartial?: boolean;
  readonly rollback?: boolean;
  readonly replace?: boolean;
}

/** Reads an option's value, and names the option where the value is wrong. */
const of =
  <T>(option: string, parse: (value: string) => T) =>
  (value: string): T => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof ZferryError)) throw error;
      throw usageError(`${option}: ${error.message}`, error.hint);
    }
  };

/** An option goes into hints too, which have one line. */
const printable = (option: string): string => {
  if (isPrintable(option)) return option;
  throw usageError(`'${shown(option)}' has a line break or another control character`);
};

/** The source's argument of a verb, in its help. */
export const sourceWords = 'pool/dataset on this host, or [user@]host:pool/dataset';

/** `--ssh-option`. */
export const sshOption = (): Option =>
  new Option(
    '--ssh-option <option>',
    'an option for ssh -o, such as Port=2222; may be repeated',
  ).argParser((value: string, earlier: readonly string[] = []) => [
    ...earlier,
    of('--ssh-option', printable)(value),
  ]);

const tenMinutes = 600_000;

/** A pattern for what stands behind the `@`. Throws a usage error for one that can match no snapshot. */
const parseSnapshotPattern = (text: string): string => {
  const stray = /[/@#]/.exec(text)?.[0];
  const problem =
    text === '' || !isPrintable(text)
      ? 'is no pattern'
      : stray && `has a ${stray}, which no snapshot has behind its @`;
  if (problem === undefined) return text;
  throw usageError(
    `'${shown(text)}' ${problem}`,
    "write what stands behind the @, such as 'autosnap_*' or '*_hourly'",
  );
};

/** Adds the options that every replicating verb has. */
export const withReplicatingOptions = (command: Command): Command =>
  withTreeOptions(command)
    .option('--log <file>', 'append one line a cycle to this file', defaultLog())
    .addOption(
      new Option('--log-format <form>', 'how that line is written')
        .choices(['text', 'json'])
        .default('text'),
    )
    .option(
      '--compress <name>',
      `${compressorNames.join(', ')}, none or auto: what is stored compressed goes as it is stored, other data through the best that both hosts have; a named one must be on both (default: lzop, or none where a host lacks it, and from this host to itself)`,
    )
    .option(
      '--rate <bytes>',
      'so many bytes a second on the wire, such as 10M; needs pv or mbuffer',
      of('--rate', parseBytes),
    )
    .option(
      '--keep <n>',
      'keep the newest N snapshots of the series on the source',
      of('--keep', parseCount),
    )
    .option(
      '--keep-target <policy>',
      "keep these of the series on the target, such as 'last=2 hourly=24 daily=7'",
      of('--keep-target', parseRetentionPolicy),
    )
    .addOption(
      new Option(
        '--include-snapshots <pattern>',
        "send snapshots of others that are called so too, such as 'autosnap_*_hourly'; may be repeated",
      ).argParser((value: string, earlier: readonly string[] = []) => [
        ...earlier,
        of('--include-snapshots', parseSnapshotPattern)(value),
      ]),
    )
    .option(
      '--decrypt',
      'send an encrypted source in the clear; without it, it goes raw, and needs no key on the target',
    )
    .option(
      '--properties',
      'send the properties of the source too; where it is mounted and shared, its limits and read-only stay the own of the target',
    )
    .option('--name-format <format>', 'strftime format (UTC) of snapshot names', defaultNameFormat)
    .addOption(
      new Option('--stall <time>', 'give up when nothing has moved for so long, such as 90s or 10m')
        .argParser(of('--stall', parseTime))
        .default(tenMinutes, '10m'),
    )
    .option('--sudo', 'run zfs through sudo -n, on both hosts')
    .addOption(sshOption())
    .option(
      '--persist <time>',
      'let ssh keep the connection for so long, such as 10m, for the cycles to come',
      of('--persist', parsePersistence),
    )
    .option('--json', 'print one JSON object about the cycle')
    .option('-n, --dry-run', 'print what would be done, and do nothing')
    .addOption(
      new Option(
        '-v, --verbose',
        'say each step; -vv also when, and each process with the time it took',
      ).argParser<number>((_, times = 0) => times + 1),
    )
    .option('-q, --quiet', 'print nothing but errors');

/** The target, which must not be a pool's root. Throws a usage error. */
const belowRoot = (target: Place): Place => {
  if (!target.dataset.includes('/')) {
    throw usageError(
      `the target ${target.typed} is the root of a pool, which would need a forced receive`,
      `write a dataset below it, such as ${target.typed.includes(':') ? target.typed : `${target.typed}:${target.dataset}`}/replica`,
    );
  }
  return target;
};

/** Where no wire is between both, a compressor costs time and saves none. */
const compressionFor = (
  named: string | undefined,
  source: Place,
  target: Place,
): Request['compression'] => {
  const isHere = source.host.kind === 'here' && target.host.kind === 'here';
  const wanted = parseCompression(named ?? (isHere ? 'none' : 'lzop'));
  return { wanted, named: named !== undefined };
};

/** Makes a request of what was typed. Throws usage errors. */
export const requestFor = (
  intent: Request['intent'],
  sourceText: string,
  targetText: string,
  options: ReplicatingOptions,
  self: string,
): Request => {
  const source = parseSource(sourceText);
  const target = belowRoot(parseTarget(targetText, source));
  const series = parseNameFormat(options.nameFormat);
  if (!series.ownsItsNames && (options.keep !== undefined || options.keepTarget !== undefined)) {
    throw usageError(
      `the name format '${options.nameFormat}' has no word of its own, so that --keep could destroy other snapshots`,
      'leave --keep and --keep-target out, or give the format a word, such as zferry_%Y-%m-%d_%H:%M:%S',
    );
  }
  if (options.decrypt && options.properties) {
    throw usageError(
      '--decrypt and --properties exclude each other: zfs sends the properties of an encrypted dataset only raw',
      'leave --properties out, and set on the target what it needs',
    );
  }
  const tree = treeFrom(options);
  // That neither pv nor mbuffer is there is said before anything is begun.
  if (options.rate !== undefined) limiter(options.rate);
  // That the new replica's name would be too long is said before anything is begun.
  if (options.replace) {
    snapshotName(siblingOf(target.dataset, freshSuffix), series.label(new Date(), 100));
  }
  return {
    pair: { source, target },
    intent,
    tree,
    series,
    compression: compressionFor(options.compress, source, target),
    rate: options.rate,
    keep: options.keep,
    keepTarget: options.keepTarget,
    includeSnapshots: options.includeSnapshots ?? [],
    stall: options.stall,
    sudo: options.sudo ?? false,
    sshOptions: options.sshOption ?? [],
    persist: options.persist,
    decrypt: options.decrypt ?? false,
    properties: options.properties ?? false,
    abortPartial: options.abortPartial ?? false,
    rollback: options.rollback ?? false,
    replace: options.replace ?? false,
    self,
  };
};
