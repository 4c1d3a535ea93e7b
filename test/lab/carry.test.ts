import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, type Host, src } from './support/host.ts';
import { diesInTheMiddle, nothingIsLeft, writeLongStream } from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  checksums,
  freshPair,
  guid,
  newestEqual,
  type Pair,
  pairOf,
  primedPair,
  property,
  snapshots,
  underCron,
  unused,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { reportOf, reportsOf } from './support/report.ts';
import { wrapTools } from './support/tools.ts';
import { below } from './support/tree.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const pattern = 'autosnap_*_hourly';
const include = ['--include-snapshots', pattern] as const;
const hourly = (hour: number) => `autosnap_2026-11-20_0${hour}:00:00_hourly`;

const take = (label: string, host: Host = src) =>
  host.ok(sh`zfs snapshot ${`${host === src ? pair.source : pair.target}@${label}`}`);

/** Something new, and then such a snapshot, for each of these hours. */
const hours = async (...all: readonly number[]) => {
  for (const hour of all) {
    await src.ok(sh`head -c 200000 /dev/urandom >/${pair.source}/hour${hour}`);
    await take(hourly(hour));
  }
};

/** These snapshots are on the target, the very ones, with the same files; and then the newest. */
const hasAll = async (...labels: readonly string[]): Promise<string> => haveAll([pair], ...labels);

/** The same for targets of one source, whose newest is one and the same. */
const haveAll = async (pairs: readonly Pair[], ...labels: readonly string[]): Promise<string> => {
  const { source } = pair;
  const newest = await newestEqual(pair);
  for (const { target } of pairs) {
    expect(await snapshots(dst, target)).toEqual([...labels, newest]);
    for (const label of labels.filter((each) => each.startsWith('autosnap'))) {
      const name = (dataset: string) => `${dataset}@${label}`;
      expect(await guid(dst, name(target))).toBe(await guid(src, name(source)));
      expect(await checksums(dst, target, label)).toBe(await checksums(src, source, label));
    }
  }
  return newest;
};

/** One verified bookmark on the source, of the newest; of the series one snapshot there. */
const isSettled = async (newest: string) => {
  expect(await bookmarks(pair.source)).toEqual([
    expect.stringMatching(/^zferry_[0-9a-f]{10}_[^_]+Z(_\d+)?$/),
  ]);
  const own = (await snapshots(src, pair.source)).filter((label) => label.startsWith('zferry_'));
  expect(own).toEqual([newest]);
  expect(await property(dst, pair.target, 'receive_resume_token')).toBe('-');
};

/** zferry (a verb and options) dies, kill -9, when the first zfs is to run whose words match; `first` runs before. */
const diesBefore = async (words: readonly string[], zfs: string, first = ':'): Promise<void> => {
  const tools = await wrapTools({
    zfs: `case "$*" in ${zfs}) ${first}; pkill -KILL -f ^/usr/local/bin/zferry; exit 1;; esac`,
  });
  const [verb = '', ...options] = words;
  const command = underCron([verb, pair.source, pair.place, '--log', pair.log, ...options], tools);
  expect((await src.run(`${command}; exit $?`)).exitCode).toBe(137);
  await nothingIsLeft();
};

/** It dies before the step of that hour, when the one before has arrived. */
const diesBetween = async (verb: 'run' | 'prime', hour: number): Promise<void> => {
  const before = `${pair.target}@${hourly(hour - 1)}`;
  await diesBefore(
    [verb, ...include, '--compress', 'none'],
    `"send "*${hourly(hour)}`,
    sh`until ssh dst zfs list ${before} >/dev/null 2>&1; do sleep 0.2; done`,
  );
  expect((await snapshots(dst, pair.target)).at(-1)).toBe(hourly(hour - 1));
};

describe('--include-snapshots', () => {
  test('carries the hourlies of another tool over, by steps in one session, and never prunes them', async () => {
    pair = await primedPair();
    await hours(1, 2);
    await take('by hand');
    const log = '/tmp/carry-calls';
    const tools = await wrapTools({ ssh: `echo "$*" >>${log}` });
    const words = [pair.source, pair.place, '--log', pair.log, ...include, '--json'];
    const report = reportOf(await src.run(underCron(words, tools)));
    expect(report).toMatchObject({ kind: 'incremental', carried: 2, notes: [], kept: [] });
    expect(await src.ok(sh`grep -c zferry-agent ${log}; rm ${log}`)).toBe('1');
    expect((await pair.lines()).at(-1)).toMatch(/ in [0-9.]+ s \(2 snapshots carried over\)$/);
    await isSettled(await hasAll(hourly(1), hourly(2)));

    await hours(3);
    expect(await pair.cycle(...include, '--keep-target', 'last=1')).toEqual(silentSuccess);
    await isSettled(await hasAll(hourly(1), hourly(2), hourly(3)));
    expect(await snapshots(src, pair.source)).toContain('by hand');
    // What is there is not sent again, and a cycle without the option leaves it alone
    expect(reportOf(await pair.cycle(...include, '--json'))).toMatchObject({ carried: 0 });
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isSettled(await hasAll(hourly(1), hourly(2), hourly(3)));
  });

  test('leaves a name that the target has for something else, says so, and brings the rest', async () => {
    pair = await primedPair();
    await take(hourly(1), dst);
    await hours(1, 2);
    const note = `@${hourly(1)} not carried over: the target has another one of that name`;
    expect((await pair.cycle(...include, '--dry-run')).stdout).toContain(
      `1 snapshot of others goes before it: ${pair.source}@${hourly(2)}\n${note}\n`,
    );
    expect(reportOf(await pair.cycle(...include, '--json'))).toMatchObject({
      ...{ carried: 1, notes: [note] },
    });
    expect(await snapshots(dst, pair.target)).toEqual([
      ...[hourly(1), hourly(2)],
      await newestEqual(pair),
    ]);
  });

  test('begins a first send with the oldest of them, so that the history goes along', async () => {
    pair = await freshPair();
    await hours(1, 2);
    await writeFiles(pair.source, 'more');
    const plan = JSON.parse((await pair.prime(...include, '--dry-run', '--json')).stdout);
    expect(plan).toMatchObject({
      ...{ kind: 'full', carries: [1, 2].map((hour) => `${pair.source}@${hourly(hour)}`) },
    });
    const report = reportOf(await pair.prime(...include, '--json'));
    expect(report).toMatchObject({ kind: 'full', carried: 2 });
    await isSettled(await hasAll(hourly(1), hourly(2)));
    expect(await property(dst, pair.target, 'readonly')).toBe('on');
    expect(await property(dst, pair.target, 'canmount')).toBe('noauto');
  });

  test.each([
    ['', 'is no pattern'],
    ['tank/vm@*', 'has a /, which no snapshot has behind its @'],
    ['@autosnap*', 'has a @, which no snapshot has behind its @'],
  ])("with '%s' is wrong", async (text, problem) => {
    pair = await freshPair();
    expect(await pair.cycle('--include-snapshots', text)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `zferry: error: --include-snapshots: '${text}' ${problem}\nzferry: hint: write what stands behind the @, such as 'autosnap_*' or '*_hourly'\n`,
    });
  });
});

test('each dataset of a tree carries its own, as they are encrypted too', async () => {
  pair = await freshPair();
  const child = below(pair, 'c');
  await src.ok(
    sh`echo 12345678 | zfs create -o encryption=on -o keyformat=passphrase ${child.source}`,
  );
  const take2 = async (hour: number) => {
    await writeFiles(child.source, `hour ${hour}`);
    await src.ok(sh`zfs snapshot -r ${`${pair.source}@${hourly(hour)}`}`);
  };
  await take2(1);
  const options = ['--recursive', ...include, '--json'];
  const first = reportOf(await pair.prime(...options));
  expect(first).toMatchObject({ kind: 'full', carried: 2 });
  await take2(2);
  await src.ok(sh`zfs destroy ${`${pair.source}@${hourly(2)}`}`);
  expect(reportOf(await pair.cycle(...options))).toMatchObject({ carried: 1 });
  const [newest] = (await snapshots(dst, pair.target)).slice(-1);
  expect(await snapshots(dst, pair.target)).toEqual([hourly(1), newest]);
  expect(await snapshots(dst, child.target)).toEqual([hourly(1), hourly(2), newest]);
  for (const label of [hourly(1), hourly(2), newest]) {
    const name = (dataset: string) => `${dataset}@${label}`;
    expect(await guid(dst, name(child.target))).toBe(await guid(src, name(child.source)));
  }
  expect(await property(dst, child.target, 'encryptionroot')).toBe(child.target);
  expect(await bookmarks(child.source)).toHaveLength(1);
});

test('two targets in one run get by steps what each of them has not, from one snapshot', async () => {
  pair = await freshPair(undefined, unused(dst));
  const other = pairOf(pair.source, unused(dst));
  onTestFinished(other.remove);
  const together = async (verb: 'prime' | 'run') => {
    const words = [verb, pair.source, pair.place, other.place, ...include, '--json'];
    const reports = reportsOf(await pair.zferry(...words));
    return [pair, other].map(({ place }) => reports.get(place)?.carried);
  };
  await hours(1);
  expect(await together('prime')).toEqual([1, 1]);
  await hours(2);
  expect(await pair.cycle(...include)).toEqual(silentSuccess);
  await hours(3);
  expect(await together('run')).toEqual([1, 2]);
  const newest = await haveAll([pair, other], hourly(1), hourly(2), hourly(3));
  expect((await snapshots(src, pair.source)).at(-1)).toBe(newest);
  expect(await bookmarks(pair.source)).toHaveLength(2);
});

describe('cut off on its way', () => {
  test('between two steps, the base is what arrived, although its tool has destroyed it here', async () => {
    pair = await primedPair();
    await hours(1, 2);
    await diesBetween('run', 2);
    await src.ok(sh`zfs destroy ${`${pair.source}@${hourly(1)}`}`);

    await writeFiles(pair.source, 'more');
    expect(reportOf(await pair.cycle(...include, '--json'))).toMatchObject({ carried: 1 });
    const newest = await newestEqual(pair);
    expect(await snapshots(dst, pair.target)).toEqual([hourly(1), hourly(2), newest]);
    await isSettled(newest);
  });

  test.each(['bookmark', 'send', 'destroy'])(
    'before the first zfs %s, and once more: the next cycle brings all',
    async (verb) => {
      pair = await primedPair();
      await hours(1, 2);
      await diesBefore(['run', ...include], `${verb}" "*`);
      await diesBefore(['run', ...include], `${verb}" "*`);
      await hours(3);
      expect(await pair.cycle(...include)).toEqual(silentSuccess);
      await isSettled(await hasAll(hourly(1), hourly(2), hourly(3)));
    },
  );

  test('in the middle of a step, that one goes on where it was, and the rest follows in the same run', async () => {
    pair = await primedPair();
    await writeLongStream(pair.source);
    await hours(1, 2);
    await diesInTheMiddle(pair, 'run', ...include);
    expect(await property(dst, pair.target, 'receive_resume_token')).not.toBe('-');

    const report = reportOf(await pair.cycle(...include, '--json'));
    expect(report).toMatchObject({ kind: 'resumed', carried: 2 });
    expect(report.bytes).toBeLessThan(46 * 2 ** 20);
    await isSettled(await hasAll(hourly(1), hourly(2)));
  });

  test('in the middle of a step that its tool has destroyed since: it is given up, and the rest arrives', async () => {
    pair = await primedPair();
    await writeLongStream(pair.source);
    await hours(1, 2);
    await diesInTheMiddle(pair, 'run', ...include);
    await src.ok(sh`zfs destroy ${`${pair.source}@${hourly(1)}`}`);
    expect(await pair.cycle(...include)).toEqual(silentSuccess);
    await isSettled(await hasAll(hourly(2)));
  });

  test('in a first send, the same command goes on, also between two steps', async () => {
    pair = await freshPair();
    await writeLongStream(pair.source);
    await hours(1, 2, 3);
    await diesInTheMiddle(pair, 'prime', '--rate', '2M', ...include);
    await diesBetween('prime', 3);

    const report = reportOf(await pair.prime(...include, '--json'));
    expect(report).toMatchObject({ result: 'replicated', carried: 1 });
    await isSettled(await hasAll(hourly(1), hourly(2), hourly(3)));
    expect((await pair.prime(...include)).stdout).toContain('is already primed');
  });

  test('by a tool that destroys one of them just before its turn: exit 1, and the next cycle has the rest', async () => {
    pair = await primedPair();
    await hours(1, 2, 3);
    const gone = `${pair.source}@${hourly(2)}`;
    const tools = await wrapTools({
      zfs: sh`case "$*" in "send "*${hourly(2)}) $real destroy ${gone};; esac`,
    });
    const words = [pair.source, pair.place, '--log', pair.log, ...include];
    const { exitCode, error } = verdictOf(await src.run(underCron(words, tools)));
    expect({ exitCode, error }).toEqual({
      exitCode: 1,
      error: expect.stringContaining(hourly(2)),
    });
    expect((await pair.lines()).at(-1)).toContain('(1 snapshot carried over)');
    expect(await pair.cycle(...include)).toEqual(silentSuccess);
    await isSettled(await hasAll(hourly(1), hourly(3)));
  });
});
