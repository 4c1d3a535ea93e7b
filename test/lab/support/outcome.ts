import { expect } from 'vitest';
import { dst, src } from './host.ts';
import { type Pair, stateOf } from './pair.ts';
import type { Result } from './result.ts';

/** What zferry is expected to say when it does not replicate. */
export interface Complaint {
  readonly exitCode: number;
  readonly error: string;
  readonly hint?: string | undefined;
  /** The target's host as the log names it, `dst` unless given. */
  readonly host?: string | undefined;
}

/** Everything that zferry prints about a failure. */
export const said = ({ error, hint }: Pick<Complaint, 'error' | 'hint'>): string =>
  `zferry: error: ${error}\n${hint === undefined ? '' : `zferry: hint: ${hint}\n`}`;

/** Success as cron likes it. */
export const silentSuccess = { exitCode: 0, stdout: '', stderr: '' };

/** A time as the log has it. */
export const logTime = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z`;

/** Does something, and makes sure that neither side is another afterwards. */
export const changingNothing = async <T>(
  { source, target }: Pair,
  act: () => Promise<T>,
): Promise<T> => {
  const look = async () => Promise.all([stateOf(src, source), stateOf(dst, target)]);
  const before = await look();
  const result = await act();
  expect(await look()).toEqual(before);
  return result;
};

/** A command line that is refused before a cycle has begun: these words, no log line, nothing changed. */
export const expectRefused = async (
  pair: Pair,
  act: () => Promise<Result>,
  complaint: Complaint,
): Promise<void> => {
  const logged = await pair.lines();
  const result = await changingNothing(pair, act);
  const { exitCode } = complaint;
  expect(result).toEqual({ exitCode, stdout: '', stderr: said(complaint) });
  expect(await pair.lines()).toEqual(logged);
};

/** A cycle that fails: these words, the same in one new log line, nothing changed. */
export const expectFailed = async (
  pair: Pair,
  act: () => Promise<Result>,
  complaint: Complaint,
): Promise<void> => {
  const logged = await pair.lines();
  const result = await changingNothing(pair, act);
  const { exitCode, error, host = 'dst' } = complaint;
  expect(result).toEqual({ exitCode, stdout: '', stderr: said(complaint) });
  const lines = await pair.lines();
  expect(lines).toHaveLength(logged.length + 1);
  const [time = '', ...words] = lines.at(-1)?.split(' ') ?? [];
  expect(time).toMatch(new RegExp(`^${logTime}$`));
  // The name of a snapshot that was taken back may stand behind the source
  const line = words.join(' ').replace(/^(\S+?)@zferry_\S+/, '$1');
  expect(line).toBe(`${pair.source} failed to replicate to ${host}! ERROR! ${error}`);
};
