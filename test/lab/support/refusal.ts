import { dst, src } from './host.ts';
import { type Pair, stateOf } from './pair.ts';
import type { Result } from './ssh.ts';

/** What zferry said when it did not replicate. */
export interface Verdict {
  readonly exitCode: number;
  readonly error: string;
  readonly hint: string | undefined;
}

const TIMESTAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z /;

/** The lines that a failed cycle prints under cron, and nothing beside them. Throws where there is more. */
export const verdictOf = ({ exitCode, stdout, stderr }: Result): Verdict => {
  const [, error, , hint] = /^zferry: error: (.+)\n(zferry: hint: (.+)\n)?$/.exec(stderr) ?? [];
  if (error === undefined || stdout !== '') {
    throw new Error(`exit code ${String(exitCode)}, not one error and a hint:\n${stdout}${stderr}`);
  }
  return { exitCode, error, hint };
};

const bothSides = async ({ source, target }: Pair): Promise<string> =>
  (await Promise.all([stateOf(src, source), stateOf(dst, target)])).join('--- dst\n');

/**
 * Runs what is to be refused, and makes sure that it wrote one log line with the reason that it printed,
 * and changed nothing on either side. Answers its words.
 */
export const refusalOf = async (pair: Pair, act: () => Promise<Result>): Promise<Verdict> => {
  const [before, linesBefore] = await Promise.all([bothSides(pair), pair.lines()]);
  const verdict = verdictOf(await act());
  const [after, lines] = await Promise.all([bothSides(pair), pair.lines()]);
  if (after !== before) throw new Error(`before:\n${before}\nafter ${verdict.error}:\n${after}`);
  const [line, ...more] = lines.slice(linesBefore.length);
  const words = line?.replace(TIMESTAMP, '').replace(/@[^ ]+/, '');
  const expected = `${pair.source} failed to replicate to dst! ERROR! ${verdict.error}`;
  if (more.length > 0 || words?.replace(/@[^ ]+/, '') !== expected.replace(/@[^ ]+/, '')) {
    throw new Error(`the log says: ${[line, ...more].join('\n')}\ninstead of: ${expected}`);
  }
  return verdict;
};

/** Runs the very command that a hint names, as the administrator of src would paste it. Throws when it fails. */
export const follow = async (hint: string | undefined): Promise<string> => {
  const command = /(?:^|: )((?:zferry|zfs|zpool|ssh) .+)$/.exec(hint ?? '')?.[1];
  if (command === undefined) throw new Error(`no command in the hint: ${String(hint)}`);
  return await src.ok(command, { timeout: 100_000 });
};
