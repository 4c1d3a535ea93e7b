import { expect } from 'vitest';
import { src } from './host.ts';
import { changingNothing, logTime } from './outcome.ts';
import type { Pair } from './pair.ts';
import type { Result } from './result.ts';

/** What zferry said when it did not replicate. */
export interface Verdict {
  readonly exitCode: number;
  readonly error: string;
  readonly hint: string | undefined;
}

/** The lines that a failed cycle prints under cron, and nothing beside them. Throws where there is more. */
export const verdictOf = ({ exitCode, stdout, stderr }: Result): Verdict => {
  const [, error, , hint] = /^zferry: error: (.+)\n(zferry: hint: (.+)\n)?$/.exec(stderr) ?? [];
  if (error === undefined || stdout !== '') {
    throw new Error(`exit code ${String(exitCode)}, not one error and a hint:\n${stdout}${stderr}`);
  }
  return { exitCode, error, hint };
};

/** The name of a snapshot that was taken back may stand behind the source. */
const withoutSnapshot = (words: string): string => words.replace(/^(\S+?)@zferry_\S+/, '$1');

/**
 * Runs what is to be refused, and makes sure that it wrote one log line with the reason that it printed,
 * and changed nothing on either side. Answers its words.
 */
export const refusalOf = async (pair: Pair, act: () => Promise<Result>): Promise<Verdict> => {
  const logged = await pair.lines();
  const verdict = verdictOf(await changingNothing(pair, act));
  const lines = (await pair.lines()).slice(logged.length);
  const [time, ...words] = lines[0]?.split(' ') ?? [];
  expect({ lines: lines.length, time, words: withoutSnapshot(words.join(' ')) }).toEqual({
    lines: 1,
    time: expect.stringMatching(new RegExp(`^${logTime}$`)),
    words: `${pair.source} failed to replicate to dst! ERROR! ${verdict.error}`,
  });
  return verdict;
};

/** Runs the very command that a hint names, as the administrator of src would paste it. Throws when it fails. */
export const follow = async (hint: string | undefined): Promise<string> => {
  const command = /(?:^|: )((?:zferry|zfs|zpool|ssh) .+)$/.exec(hint ?? '')?.[1];
  if (command === undefined) throw new Error(`no command in the hint: ${String(hint)}`);
  return await src.ok(command, { timeout: 100_000 });
};
