import { afterEach, describe, expect, test } from 'vitest';
import { src } from './support/host.ts';
import { askedByCycle, listed, nextSecond } from './support/looks.ts';
import { manySnapshots } from './support/many-snapshots.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  newestEqual,
  type Pair,
  primedPair,
  underCron,
  writeBigFile,
  writeFiles,
} from './support/pair.ts';
import { wrapTools } from './support/tools.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const words = (): readonly string[] => [pair.source, pair.place, '--log', pair.log];

/** One cycle: how often it called ssh and zfs here, and zfs there. */
const calls = async () => {
  const asked = await askedByCycle(pair);
  expect(asked.result).toEqual(silentSuccess);
  await newestEqual(pair);
  const { ssh, here, there } = asked;
  const verbs = here.map((command) => command.split(' ')[0]);
  return { ssh, here: verbs, there: there.length, listed: listed(asked) };
};

/** Times differ from machine to machine, these do not: scripts/bench has the times. */
describe('a cycle starts ssh once, zfs six times here and five times there, and lists no snapshots', () => {
  const once = {
    ssh: 1,
    here: ['snapshot', 'bookmark', 'list', 'send', 'destroy', 'destroy'],
    // get, list, receive, list, destroy
    there: 5,
    listed: { here: false, there: false },
  };

  test('with a small change', async () => {
    pair = await primedPair();
    await writeFiles(pair.source, 'second');
    expect(await calls()).toEqual(once);
  });

  test('with nothing changed', async () => {
    pair = await primedPair();
    expect(await calls()).toEqual(once);
  });

  // More than a cycle ever handles at a time, which is 200
  test('with hundreds of snapshots', async () => {
    pair = await primedPair();
    const labels = Array.from({ length: 300 }, (_, index) => `hourly-${index + 1}`);
    await manySnapshots(src, pair.source, labels);
    expect(await calls()).toEqual(once);
  });
});

/** What one cycle started on src: every program, and how many processes zferry itself forked, which costs it dear. */
const started = async (): Promise<{ programs: readonly string[]; forks: number }> => {
  const trace = `${await wrapTools({})}/trace`;
  // A file for each process, so that no line is torn by another's.
  const command = `mkdir ${trace}; strace -ff -qq -e trace=execve,fork,vfork,clone,clone3 -e signal=none -o ${trace}/of`;
  await nextSecond();
  expect(await src.run(`${command} ${underCron(words())}`)).toEqual(silentSuccess);
  await newestEqual(pair);
  const calls = (await src.ok(`cat ${trace}/*`)).split('\n');
  const own = await src.ok(`cat $(grep -l '^execve("[^"]*/zferry".* = 0$' ${trace}/*)`);
  return {
    programs: calls
      .map((call) => /^execve\("[^"]*\/([^"/]*)".* = 0$/.exec(call)?.[1])
      .filter((name) => name !== undefined)
      .toSorted(),
    forks: own
      .split('\n')
      .filter((call) => /^(v?fork|clone3?)\(/.test(call) && !call.includes('CLONE_THREAD')).length,
  };
};

test('a cycle starts no program that it can do without, and most of them by way of a shell', async () => {
  pair = await primedPair();
  await writeFiles(pair.source, 'second');
  expect(await started()).toEqual({
    programs: [
      ...['env', 'flock', 'flock', 'lzop', 'mkfifo', 'setpriv', 'setpriv', 'setpriv', 'sh', 'sh'],
      ...['ssh', 'zferry', 'zfs', 'zfs', 'zfs', 'zfs', 'zfs', 'zfs'],
    ],
    // Two shells, one for the time after the second lock, ssh, zfs send and lzop.
    forks: 5,
  });
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
