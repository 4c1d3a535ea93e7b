/**
 * Exit codes of the replicating verbs. The one table: `--help` and the README print these words.
 */
export const exitCodes = {
  done: { code: 0, meaning: 'replicated and verified' },
  failed: { code: 1, meaning: 'failed; the next cycle will try again by itself' },
  usage: { code: 2, meaning: 'the command line is wrong; nothing was touched' },
  decide: {
    code: 3,
    meaning: 'a person must decide: not primed, no common base, target changed or writable, …',
  },
  busy: { code: 4, meaning: 'another run for this pair is still at work; nothing was done' },
} as const;

/** From bad to worse: what a person must see to outweighs what the next cycle mends by itself. */
const badness: readonly number[] = [
  exitCodes.done.code,
  exitCodes.busy.code,
  exitCodes.failed.code,
  exitCodes.usage.code,
  exitCodes.decide.code,
];

/** The exit code of several results: of targets, or of the datasets of a tree. */
export const worstOf = (codes: readonly number[]): number =>
  codes.reduce((a, b) => (badness.indexOf(b) > badness.indexOf(a) ? b : a), exitCodes.done.code);

/** The kinds of failure; each is a row of {@link exitCodes}. */
export type FailureKind = Exclude<keyof typeof exitCodes, 'done'>;

/**
 * What would break a line, drive the terminal or turn the order of what is read (the marks of right-to-left
 * text): a message may quote a remote host.
 */
const unprintable = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** True for text that {@link oneLine} would leave as it is, but for spaces at its ends. */
export const isPrintable = (text: string): boolean => text.search(unprintable) === -1;

/** Text from anywhere as one line that drives no terminal. */
export const oneLine = (text: string): string => text.replaceAll(unprintable, ' ').trim();

/** More (characters) than that tells nobody more. */
const longestMessage = 2_000;

/** Text from a program or a remote host, fit for a message: one line, and not an endless one. */
export const brief = (text: string): string => {
  const line = oneLine(text);
  return line.length > longestMessage ? `${line.slice(0, longestMessage)}…` : line;
};

/**
 * Everything that zferry itself can report. `message` is one line without `zferry: error:`, a capital
 * or a full stop; `hint` says the way out and, where a command is the way out, that exact command.
 */
export class ZferryError extends Error {
  readonly kind: FailureKind;
  readonly hint: string | undefined;

  constructor(kind: FailureKind, message: string, hint?: string, cause?: unknown) {
    super(brief(message), cause === undefined ? undefined : { cause });
    this.name = 'ZferryError';
    this.kind = kind;
    this.hint = hint === undefined ? undefined : oneLine(hint);
  }

  /** The same, with what it is about before it. */
  about(what: string): ZferryError {
    return new ZferryError(this.kind, `${what}: ${this.message}`, this.hint, this);
  }

  get exitCode(): number {
    return exitCodes[this.kind].code;
  }
}

/** The command line or a file is wrong: exit 2. */
export const usageError = (message: string, hint?: string): ZferryError =>
  new ZferryError('usage', message, hint);

/** The world was not as needed this time: exit 1. */
export const failure = (message: string, hint?: string, cause?: unknown): ZferryError =>
  new ZferryError('failed', message, hint, cause);

/** Only a person can say how to go on: exit 3. */
export const refusal = (message: string, hint?: string): ZferryError =>
  new ZferryError('decide', message, hint);

/** Makes a ZferryError of whatever was thrown; what is not ours is a failure that keeps its cause. */
export const asZferryError = (thrown: unknown): ZferryError =>
  thrown instanceof ZferryError
    ? thrown
    : failure(thrown instanceof Error ? thrown.message : String(thrown), undefined, thrown);
