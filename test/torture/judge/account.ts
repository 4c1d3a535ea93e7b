import type { CycleResult, Entry, Verb } from '../entries.ts';

/** What a line of the log says of one dataset or one target. */
export interface Said {
  readonly result: string;
  /** The source dataset. */
  readonly source: string;
  /** Of the new snapshot, where one had been made. */
  readonly label: string | undefined;
  /** As it was typed; only JSON has it. */
  readonly place: string | undefined;
  readonly guid: string | undefined;
  readonly exitCode: number | undefined;
  readonly error: string;
}

const forms: readonly (readonly [string, RegExp])[] = [
  ['replicated', /^\S+ ([^@\s]+)@(\S+) replicated to \S+ successfully\.()/],
  ['failed', /^\S+ ([^@\s]+?)(?:@(\S+))? failed to replicate to \S+! ERROR! (.*)$/],
  ['skipped', /^\S+ ([^@\s]+?)(?:@(\S+))? skipped for \S+()/],
];

const readText = (line: string): readonly Said[] =>
  forms.flatMap(([result, form]) => {
    const found = form.exec(line);
    if (found === null) return [];
    const [, source = '', label, error = ''] = found;
    const unknown = { place: undefined, guid: undefined, exitCode: undefined };
    return [{ result, source, label, error, ...unknown }];
  });

const readJson = (line: string): readonly Said[] => {
  const { result, source, snapshot, target, guid, exitCode, error } = JSON.parse(line);
  return [{ result, source, label: snapshot, place: target, guid, exitCode, error: error ?? '' }];
};

/** Reads lines of either log. A power cut may have left one that says nothing. */
export const readLines = (lines: readonly string[]): readonly Said[] =>
  lines.flatMap((line) => {
    try {
      return line.startsWith('{') ? readJson(line) : readText(line);
    } catch {
      return [];
    }
  });

/** The words of a tree's own line. */
const incomplete = /^(\d+) of \d+ datasets are not current: /;

/** What a tree's own line counts as not current; undefined where it does not say. */
export const notCurrent = ({ error }: Said): number | undefined => {
  const count = incomplete.exec(error)?.[1];
  return count === undefined ? undefined : Number(count);
};

/** From bad to worse: 3 and 2 need a person, 1 is tried again, 4 is no failure. */
const badness: readonly number[] = [0, 4, 1, 2, 3];

const worst = (codes: readonly number[]): number =>
  badness.findLast((code) => codes.includes(code)) ?? 0;

const codeOf = ({ result, exitCode }: Said): number => {
  if (result === 'replicated') return 0;
  return result === 'skipped' ? 4 : (exitCode ?? 1);
};

/** What several targets' lines, exit code and standard error say that does not go together. */
const problemsOfTargets = (
  { targets }: Entry,
  verb: Verb,
  { exitCode, stderr }: CycleResult,
  said: readonly Said[],
): readonly string[] => {
  const code = worst(said.map(codeOf));
  const lines = targets.map(({ place }) => ({
    place,
    own: said.filter((each) => each.place === place),
  }));
  return [
    ...(code === exitCode ? [] : [`exit ${exitCode} although the worst of its targets is ${code}`]),
    // One that was primed already has no line.
    ...lines
      .filter(({ own }) => own.length !== 1 && !(verb === 'prime' && own.length === 0))
      .map(({ place, own }) => `${own.length} log lines for ${place}`),
    ...lines
      .filter(
        ({ place, own }) =>
          own.some(({ result }) => result === 'failed') !==
          stderr.includes(`zferry: error: ${place}: `),
      )
      .map(({ place }) => `standard error does not say of ${place} what its log line does`),
  ];
};

/** The same of a tree that is not current: each member that is not is named in its line, and has words of its own. */
const problemsOfMembers = (
  root: Said,
  { stderr }: CycleResult,
  said: readonly Said[],
): readonly string[] => {
  const count = notCurrent(root);
  if (count === undefined) return said.length === 1 ? [] : ['more than one log line'];
  const members = said.slice(said.indexOf(root) + 1);
  const unnamed = members.filter(
    ({ source }) => !(stderr.includes(source) && (count > 5 || root.error.includes(source))),
  );
  return [
    ...(members.length === count && members.every(({ result }) => result === 'failed')
      ? []
      : [`${members.length} lines of members, although ${count} are not current`]),
    ...unnamed.map(({ source }) => `${source} has a line, and is not named`),
  ];
};

const problemsOfOne = (
  { source }: Entry,
  verb: Verb,
  result: CycleResult,
  said: readonly Said[],
): readonly string[] => {
  const { exitCode } = result;
  const [root] = said;
  // Where all is primed already there is no line.
  if (root === undefined) return verb === 'prime' && exitCode === 0 ? [] : ['no log line'];
  const wanted = { 0: 'replicated', 4: 'skipped' }[exitCode] ?? 'failed';
  return [
    ...(root.result === wanted && root.source === source
      ? []
      : [`exit ${exitCode}, and the log says that ${root.source} ${root.result}`]),
    ...problemsOfMembers(root, result, said),
  ];
};

/**
 * Where exit code, standard error and log line of a cycle do not go together. One that was killed, or whose host is
 * away, says nothing.
 */
export const accountProblems = (
  entry: Entry,
  verb: Verb,
  result: CycleResult,
): readonly string[] => {
  const { exitCode, stdout, stderr, lines } = result;
  if (![0, 1, 2, 3, 4].includes(exitCode)) return [];
  const said = readLines(lines);
  const isLoud = verb === 'run' && stdout !== '';
  const isSilent = [0, 4].includes(exitCode);
  // A struck cycle may say what it could not prune.
  const complaints = stderr
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('zferry: warning: '));
  return [
    ...(exitCode === 2 ? ['exit 2 for a command line that is right'] : []),
    ...(isLoud ? [`standard output is not empty: ${stdout.trim()}`] : []),
    ...(isSilent && complaints.length > 0 ? [`not silent: ${complaints.join(' | ')}`] : []),
    ...(isSilent || stderr.includes('zferry: error: ') ? [] : ['no error on standard error']),
    ...(entry.targets.length > 1
      ? problemsOfTargets(entry, verb, result, said)
      : problemsOfOne(entry, verb, result, said)),
  ].map((problem) => `of exit ${exitCode}: ${problem}`);
};
