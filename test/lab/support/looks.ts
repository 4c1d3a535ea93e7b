import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { dst, type Host, src } from './host.ts';
import { liar } from './liar.ts';
import { type Pair, snapshots, underCron } from './pair.ts';
import { quote, sh } from './quote.ts';
import type { Result } from './result.ts';
import { wrapTools } from './tools.ts';

/** What one cycle asked of zfs, a command a line without its `zfs`. */
export interface Asked {
  readonly result: Result;
  readonly ssh: number;
  readonly here: readonly string[];
  readonly there: readonly string[];
}

const linesOf = async (host: Host, file: string): Promise<readonly string[]> =>
  (await host.ok(sh`cat ${file} 2>/dev/null || true`)).split('\n').filter(Boolean);

/**
 * Returns in a second of which no bookmark has the name yet: a cycle that meets one there lists all, and on a quick machine
 * it may begin in the very second in which `prime` was done.
 */
export const nextSecond = async (): Promise<void> => {
  await src.ok('now=$(date +%s); while [ "$(date +%s)" = "$now" ]; do sleep 0.05; done');
};

/** The lock files of a pair, as it was typed and of its target: both remember the newest snapshot, for a short look. */
export const lockFilesOf = async ({ source }: Pair): Promise<readonly string[]> => {
  const newest = (await snapshots(src, source)).at(-1) ?? '';
  return (await src.ok(sh`grep -lF ${newest} /run/zferry/*.lock`)).split('\n');
};

/** Runs zferry with these words, as cron would, and writes down each zfs command on both hosts. */
export const askedBy = async (words: readonly string[]): Promise<Asked> => {
  const there = `/tmp/zfs-calls-${randomBytes(4).toString('hex')}`;
  onTestFinished(async () => void (await dst.run(sh`rm -f ${there}`)));
  const tools = await wrapTools({
    zfs: 'echo "$*" >>"${0%/*}/zfs-calls"',
    ssh: 'echo >>"${0%/*}/ssh-calls"',
  });
  await nextSecond();
  const options = await liar({ zfs: `echo "$*" >>${quote(there)}` });
  const result = await src.run(underCron([...words, ...options], tools), { timeout: 100_000 });
  return {
    result,
    ssh: Number(await src.ok(sh`grep -c ^ ${`${tools}/ssh-calls`} || true`)),
    here: await linesOf(src, `${tools}/zfs-calls`),
    there: await linesOf(dst, there),
  };
};

/** The same for a cycle of a pair. */
export const askedByCycle = ({ source, place, log }: Pair, ...options: readonly string[]) =>
  askedBy([source, place, '--log', log, ...options]);

/** True for a `zfs list` whose cost grows with the number of snapshots. */
const listsAll = (command: string): boolean => {
  const types = / -t (\S+)/.exec(command)?.[1]?.split(',') ?? [];
  if (!(command.startsWith('list ') && types.includes('snapshot'))) return false;
  return / -(d 1|r) /.test(command) || (types.length === 1 && !command.includes('@'));
};

/** Which of the two sides had all of its snapshots listed. */
export const listed = ({ here, there }: Asked) => ({
  here: here.some(listsAll),
  there: there.some(listsAll),
});
