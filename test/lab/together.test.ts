import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { nextSecond } from './support/looks.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  guid,
  newestEqual,
  type Pair,
  pairOf,
  snapshots,
  stateOf,
  underCron,
  unused,
  writeBigFile,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { reportsOf } from './support/report.ts';
import { secondSshd } from './support/sshd.ts';
import { wrapTools } from './support/tools.ts';

/** One source and three targets of it, all on dst. */
let pairs: readonly [Pair, Pair, Pair];
beforeEach(async () => {
  const first = await freshPair(undefined, unused(dst));
  const other = (): Pair => ({ ...pairOf(first.source, unused(dst)), log: first.log });
  pairs = [first, other(), other()];
});
afterEach(async () => {
  for (const pair of pairs.toReversed()) await pair.remove();
});

const words = (verb: string, ...options: readonly string[]): readonly string[] => [
  verb,
  pairs[0].source,
  ...pairs.map(({ place }) => place),
  '--log',
  pairs[0].log,
  ...options,
];
const together = (verb: string, ...options: readonly string[]) =>
  src.run(underCron(words(verb, ...options)), { timeout: 100_000 });

const prime = async (): Promise<void> => {
  expect(await together('prime')).toEqual(silentSuccess);
  await writeFiles(pairs[0].source, 'more');
};

/** All have the same one snapshot, and the source a bookmark for each. */
const areSteady = async (): Promise<void> => {
  const labels: string[] = [];
  for (const pair of pairs) labels.push(await newestEqual(pair));
  const [label] = labels;
  expect(new Set(labels).size).toBe(1);
  expect(await snapshots(src, pairs[0].source)).toEqual([label]);
  for (const { target } of pairs) expect(await snapshots(dst, target)).toEqual([label]);
  expect(await bookmarks(pairs[0].source)).toHaveLength(pairs.length);
};

/** The zfs commands of that kind that one run starts on the source. */
const counting = async (verb: string, ...options: readonly string[]) => {
  const tools = await wrapTools({ zfs: 'echo "$1" >>"${0%/*}/calls"' });
  await nextSecond();
  const result = await src.run(underCron(words('run', ...options), tools), { timeout: 100_000 });
  const calls = (await src.ok(sh`cat ${`${tools}/calls`}`)).split('\n');
  return { result, count: calls.filter((call) => call === verb).length };
};

const linesSince = async (count: number): Promise<readonly string[]> =>
  (await pairs[0].lines()).slice(count);

describe('several targets in one run', () => {
  test('are primed and kept current from one snapshot, with a log line and a result each', async () => {
    await prime();
    await areSteady();
    // Without the last run's word of its targets, and then with it.
    for (const file of ['one', 'two']) {
      await writeFiles(pairs[0].source, file);
      const { result, count } = await counting('snapshot');
      expect(result).toEqual(silentSuccess);
      expect(count).toBe(1);
      await areSteady();
    }
    const reports = reportsOf(await together('run', '--json'));
    expect([...reports.keys()].toSorted()).toEqual(pairs.map(({ place }) => place).toSorted());
    const sent = [...reports.values()].map(({ snapshot }) => snapshot);
    expect(new Set(sent).size).toBe(1);
    expect(await pairs[0].lines()).toHaveLength(4 * pairs.length);
    await areSteady();
  });

  test('do not keep each other from being current: the worst result is the exit code', async () => {
    await prime();
    const [good, writable, missing] = pairs;
    await dst.ok(sh`zfs set readonly=off ${writable.target} && zfs destroy -r ${missing.target}`);
    const logged = (await good.lines()).length;
    for (const cycle of ['one', 'two']) {
      await writeFiles(good.source, cycle);
      const { exitCode, stdout, stderr } = await together('run');
      expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
      expect(stderr.trim().split('\n').toSorted()).toEqual(
        [
          `zferry: error: ${missing.place}: ${missing.target} on dst does not exist: this pair is not primed, or the target was destroyed or renamed`,
          `zferry: error: ${writable.place}: ${writable.target} on dst is writable`,
          `zferry: hint: make it read-only: ssh dst 'zfs set readonly=on ${writable.target}'`,
          `zferry: hint: make the first full send: zferry prime ${good.source} ${missing.place}`,
        ].toSorted(),
      );
      const label = await newestEqual(good);
      // The one of the last common base of the others may be there as well
      expect((await snapshots(src, good.source)).at(-1)).toBe(label);
      expect((await snapshots(src, good.source)).length).toBeLessThanOrEqual(2);
    }
    expect((await linesSince(logged)).filter((line) => / successfully\. /.test(line))).toHaveLength(
      2,
    );
    expect((await linesSince(logged)).filter((line) => /ERROR!/.test(line))).toHaveLength(4);
    await dst.ok(sh`zfs set readonly=on ${writable.target}`);
    expect(await together('prime')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await together('run')).toEqual(silentSuccess);
    await areSteady();
  });

  test('keep their own pace: a busy one is skipped, and its run goes on', async () => {
    await prime();
    const [slow, second, third] = pairs;
    await writeBigFile(slow.source, 'big', 20);
    const options = ['--log', slow.log, '--compress', 'none', '--rate', '1M'];
    const sending = src.start(
      underCron(['run', slow.source, slow.place, second.place, ...options]),
    );
    await src.until(sh`test "$(pgrep -fc ${`^zfs send .*${slow.source}@`})" = 2`);
    const logged = (await slow.lines()).length;
    const { exitCode, stdout, stderr } = await together('run', '--json');
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: '' });
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { target: string; result: string });
    expect(Object.fromEntries(results.map(({ target, result }) => [target, result]))).toEqual({
      [slow.place]: 'skipped',
      [second.place]: 'skipped',
      [third.place]: 'replicated',
    });
    const lines = await linesSince(logged);
    expect(lines.filter((line) => line.includes(' skipped for dst: '))).toHaveLength(2);
    await newestEqual(third);
    expect(await sending.done).toEqual(silentSuccess);
    await newestEqual(slow);
    expect(await together('run')).toEqual(silentSuccess);
    await areSteady();
  });

  test('that one is done lets its next run begin while the other is still being sent', async () => {
    await prime();
    const [quick, slow] = pairs;
    await writeBigFile(quick.source, 'big', 8);
    // Only the second connection is slow.
    const tools = await wrapTools({ ssh: sh`case "$*" in *${slow.target}*) sleep 8 ;; esac` });
    const run = ['run', quick.source, quick.place, slow.place, '--log', quick.log];
    const sending = src.start(underCron(run, tools));
    await src.until(sh`grep -q 'successfully. incremental' ${quick.log}`);
    await src.ok(sh`touch /${quick.source}/later`);
    expect(await quick.cycle()).toEqual(silentSuccess);
    await newestEqual(quick);
    expect(await sending.done).toEqual(silentSuccess);
    await newestEqual(slow);
    expect(await together('run')).toEqual(silentSuccess);
    await areSteady();
  });

  test('end together by SIGTERM or kill -9, and the next runs mend all', async () => {
    await prime();
    await writeBigFile(pairs[0].source, 'big', 30);
    const logged = (await pairs[0].lines()).length;
    const sending = src.start(underCron(words('run', '--compress', 'none', '--rate', '1M')));
    await src.until(sh`test "$(pgrep -fc ${`^zfs send .*${pairs[0].source}@`})" = 3`);
    await src.ok(sh`pkill -TERM -f ${`^/usr/local/bin/zferry run ${pairs[0].source}`}`);
    const { exitCode, stderr } = await sending.done;
    expect(exitCode).toBe(1);
    for (const { place } of pairs) {
      expect(stderr).toContain(`zferry: error: ${place}: interrupted by SIGTERM\n`);
    }
    expect(await linesSince(logged)).toHaveLength(3);
    await src.until(sh`! pgrep -f ${`^zfs send .*${pairs[0].source}@`}`);
    // The same end by kill -9, while they go on with what has arrived
    const again = src.start(underCron(words('run', '--compress', 'none', '--rate', '1M')));
    await src.until(sh`test "$(pgrep -fc '^zfs send ')" = 3`);
    await again.signal('KILL');
    await again.done;
    expect(await together('run')).toEqual(silentSuccess);
    expect(await together('run')).toEqual(silentSuccess);
    await areSteady();
  });

  test('are rehearsed together', async () => {
    const [first, second, third] = pairs;
    expect(await first.prime()).toEqual(silentSuccess);
    const before = await stateOf(src, first.source);
    const { exitCode, stdout, stderr } = await together('run', '--dry-run');
    expect(exitCode).toBe(3);
    expect(stdout).toContain(`to dst:${first.target}\n`);
    for (const { place } of [second, third]) {
      expect(stderr).toContain(
        `zferry: hint: make the first full send: zferry prime ${first.source} ${place}\n`,
      );
    }
    expect(await stateOf(src, first.source)).toBe(before);
  });
});

test('twelve targets of one host are served from one snapshot, although its sshd lets no more than ten log in at a time', async () => {
  const [{ source, log }] = pairs;
  const parent = unused(dst);
  await dst.ok(sh`zfs create -o canmount=off ${parent}`);
  onTestFinished(async () => void (await dst.run(sh`zfs destroy -R ${parent}`)));
  // A login that takes so long that twelve of them would meet; by default sshd turns only some away beyond ten, at random
  const keys = '/run/slow-keys';
  await dst.write(keys, '#!/bin/sh\nsleep 1\ncat /root/.ssh/authorized_keys\n');
  await dst.ok(`chmod 755 ${keys}`);
  const slowly = [`AuthorizedKeysCommand ${keys}`, 'AuthorizedKeysCommandUser root'];
  const sshd = secondSshd(2223, 'MaxStartups 10', 'AuthorizedKeysFile none', ...slowly);
  await sshd.starts();
  onTestFinished(sshd.ends);
  const places = Array.from({ length: 12 }, (_, index) => `dst:${parent}/t${index}`);
  const options = ['--ssh-option', 'Port=2223', '--ssh-option', 'HostKeyAlias=dst'];
  const prime = ['prime', source, ...places, '--compress', 'none', '--log', log, ...options];
  expect(await src.run(underCron(prime), { timeout: 100_000 })).toEqual(silentSuccess);

  const [label = '', ...others] = await snapshots(src, source);
  expect(others).toEqual([]);
  const sent = await guid(src, `${source}@${label}`);
  const there = await dst.ok(sh`zfs list -H -r -t snapshot -o guid ${parent}`);
  expect(there.split('\n')).toEqual(places.map(() => sent));
});

describe('one target that is called by two names', () => {
  test('is served once, and the other name is refused', async () => {
    await prime();
    const [one] = pairs;
    const twin = `10.99.1.2:${one.target}`;
    for (const cycle of ['first', 'second']) {
      await writeFiles(one.source, cycle);
      const run = ['run', one.source, one.place, twin, '--log', one.log];
      const options = ['--ssh-option', 'HostKeyAlias=dst'];
      const { exitCode, stderr } = await src.run(underCron([...run, ...options]));
      expect(exitCode).toBe(2);
      const [first, second] = [one.place, twin].map((place) =>
        place.replaceAll('.', String.raw`\.`),
      );
      expect(stderr).toMatch(
        new RegExp(
          `^zferry: error: (${first}: ${first} is the same target as ${second}|${twin}: ${second} is the same target as ${first}), which is served in this run\nzferry: hint: name each target once\n$`,
        ),
      );
      await newestEqual(one);
    }
  });
});

describe('a target that can be none', () => {
  test('since another source is replicated to it', async () => {
    await prime();
    const [one] = pairs;
    const other = await freshPair();
    try {
      for (const verb of ['run', 'prime']) {
        const before = [await stateOf(src, other.source), await stateOf(dst, one.target)];
        const { exitCode, stderr } = await other.zferry(verb, other.source, one.place);
        expect(exitCode).toBe(3);
        expect(stderr).toContain(
          `zferry: error: ${other.source} and ${one.target} on dst have no common snapshot\n`,
        );
        expect([await stateOf(src, other.source), await stateOf(dst, one.target)]).toEqual(before);
      }
    } finally {
      await other.remove();
    }
  });
});
