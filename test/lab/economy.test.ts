import { afterEach, expect, test } from 'vitest';
import { src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  newestEqual,
  type Pair,
  primedPair,
  underCron,
  writeBigFile,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { wrapTools } from './support/tools.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const words = (): readonly string[] => [pair.source, pair.place, '--log', pair.log];

test('a cycle with a small change starts ssh once and zfs six times at most', async () => {
  pair = await primedPair();
  await writeFiles(pair.source, 'second');
  const note = 'echo "${0##*/} $1" >>"${0%/*}/calls"';
  const tools = await wrapTools({ zfs: note, ssh: note });

  expect(await src.run(underCron(words(), tools))).toEqual(silentSuccess);
  await newestEqual(pair);
  const calls = (await src.ok(sh`cat ${`${tools}/calls`}`)).split('\n');
  expect(calls.filter((call) => call.startsWith('ssh '))).toHaveLength(1);
  const zfs = calls.filter((call) => call.startsWith('zfs '));
  expect(zfs).toContain('zfs send');
  expect(zfs.length).toBeLessThanOrEqual(6);
});

/** Bytes that the threads named so have read and written, out of a trace with `--decode-pids=comm`. */
const moved = async (trace: string, isOne: (name: string) => boolean): Promise<number> => {
  const perName = await src.ok(
    `sed -nE 's/^[0-9]+<([^>]*)> .* = ([0-9]+)$/\\1\\t\\2/p' ${trace} | awk -F '\\t' '{ sum[$1] += $2 } END { for (name in sum) print sum[name] "\\t" name }'`,
  );
  return perName
    .split('\n')
    .map((line) => line.split('\t'))
    .filter(([, name = '']) => isOne(name))
    .reduce((sum, [bytes]) => sum + Number(bytes), 0);
};

test('the bytes of a stream do not pass through zferry', async () => {
  pair = await primedPair();
  await writeBigFile(pair.source, 'big', 12);
  const trace = `${await wrapTools({})}/trace`;
  const calls = 'read,write,readv,writev,pread64,sendto,sendmsg,recvfrom,recvmsg,splice';
  const command = `strace -f --decode-pids=comm -e trace=${calls} -e signal=none -o ${trace}`;
  const programs = new Set(['zfs', 'lzop', 'ssh', 'setpriv', 'flock', 'pv']);

  expect(await src.run(`${command} ${underCron(words())}`)).toEqual(silentSuccess);
  await newestEqual(pair);
  expect(await moved(trace, (name) => name === 'lzop')).toBeGreaterThan(24 * 2 ** 20);
  expect(await moved(trace, (name) => !programs.has(name))).toBeLessThan(2 ** 20);
});
