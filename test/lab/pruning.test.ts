import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { inTheMiddle, writeLongStream } from './support/interruption.ts';
import { liar } from './support/liar.ts';
import { manySnapshots } from './support/many-snapshots.ts';
import { said, silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  newestEqual,
  type Pair,
  pairOf,
  primedPair,
  snapshots,
  unused,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { reportOf } from './support/report.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const cycles = async (times: number, of: Pair, ...options: readonly string[]): Promise<void> => {
  for (let time = 0; time < times; time += 1) {
    expect(await of.cycle(...options)).toEqual(silentSuccess);
  }
};

const labels = async (): Promise<{ here: readonly string[]; there: readonly string[] }> => {
  const [here, there] = await Promise.all([
    snapshots(src, pair.source),
    snapshots(dst, pair.target),
  ]);
  return { here, there };
};

/**
 * When a target's snapshots were made, oldest first. Those with a star are the first of the hours, days, weeks or months that
 * the policy below keeps, where one more of each is that of the newest snapshot.
 */
const history = `
  2023-05-03T06:00 2023-06-03T06:00 2023-06-30T06:00 2023-07-03T06:00*
  2023-08-03T06:00* 2023-09-03T06:00* 2023-10-03T06:00* 2023-11-03T06:00* 2023-11-30T06:00
  2023-12-03T06:00* 2024-01-03T06:00* 2024-02-03T06:00* 2024-03-03T06:00*
  2024-04-03T06:00* 2024-04-30T06:00
  2024-05-02T06:00* 2024-05-07T06:00 2024-05-09T06:00 2024-05-14T06:00* 2024-05-16T06:00
  2024-05-20T06:00* 2024-05-22T06:00 2024-05-24T06:00 2024-05-25T06:00
  2024-05-26T06:00* 2024-05-26T18:00 2024-05-27T06:00* 2024-05-27T18:00
  2024-05-28T06:00* 2024-05-28T18:00 2024-05-29T06:00* 2024-05-29T18:00
  2024-05-30T22:05* 2024-05-30T22:35 2024-05-30T23:05 2024-05-30T23:35
  2024-05-31T00:05* 2024-05-31T01:05* 2024-05-31T02:05* 2024-05-31T03:05* 2024-05-31T04:05*
  2024-05-31T05:05* 2024-05-31T06:05* 2024-05-31T07:05* 2024-05-31T08:05* 2024-05-31T09:05*
  2024-05-31T10:05* 2024-05-31T10:35 2024-05-31T11:05* 2024-05-31T12:05* 2024-05-31T13:05*
  2024-05-31T14:05* 2024-05-31T15:05* 2024-05-31T16:05* 2024-05-31T17:05* 2024-05-31T18:05*
  2024-05-31T19:05* 2024-05-31T20:05* 2024-05-31T21:05* 2024-05-31T22:05* 2024-05-31T22:35
  2024-05-31T22:50
`
  .trim()
  .split(/\s+/);

describe('--keep and --keep-target', () => {
  test('keep so many of the series on each side, and none of others’ snapshots count', async () => {
    pair = await primedPair();
    await src.ok(sh`zfs snapshot ${`${pair.source}@mine`}`);
    await dst.ok(sh`zfs snapshot ${`${pair.target}@theirs`}`);
    await cycles(4, pair, '--keep', '3', '--keep-target', 'last=2');

    const { here, there } = await labels();
    const label = await newestEqual(pair);
    expect(here).toEqual(['mine', ...here.slice(-3)]);
    expect(there).toEqual(['theirs', ...here.slice(-2)]);
    expect(here.at(-1)).toBe(label);
    expect(await bookmarks(pair.source)).toHaveLength(1);
  });

  test('left out for once, cost no more than the replaced base', async () => {
    pair = await primedPair();
    await cycles(2, pair, '--keep', '10', '--keep-target', 'last=10');
    const before = await labels();
    expect(before.here).toHaveLength(3);
    expect(before.there).toEqual(before.here);
    await cycles(1, pair);

    const { here, there } = await labels();
    expect(here).toEqual([...before.here.slice(0, -1), await newestEqual(pair)]);
    expect(there).toEqual(here);
  });

  test('keep on the target exactly what the policy says: of each hour, day, week and month the first', async () => {
    pair = await primedPair();
    const [base] = await snapshots(dst, pair.target);
    // Not of the series any more: what is made next is the only one of its own hour, day, week and month
    await dst.ok(sh`zfs rename ${`${pair.target}@${String(base)}`} ${`${pair.target}@base`}`);
    const made = history.map((time) => `zferry_${time.replace('*', '')}:00Z`);
    await manySnapshots(dst, pair.target, made);
    const kept = made.filter((_, index) => history[index]?.endsWith('*'));
    const policy = ['--keep-target', 'last=2 hourly=24 daily=7 weekly=4 monthly=12'];
    await cycles(1, pair, ...policy);
    const newest = await newestEqual(pair);
    const last = String(made.at(-1));
    expect((await labels()).there).toEqual(['base', ...kept, last, newest]);

    // What is there by its hour, day, week or month stays
    await cycles(1, pair, ...policy);
    expect((await labels()).there).toEqual(['base', ...kept, newest, await newestEqual(pair)]);
  });

  test('are refused with names that anybody might give', async () => {
    pair = pairOf();
    for (const option of [
      ['--keep', '3'],
      ['--keep-target', 'last=3'],
    ]) {
      expect(await pair.cycle('--name-format', '%Y-%m-%d %H:%M:%S', ...option)).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: said({
          error:
            "the name format '%Y-%m-%d %H:%M:%S' has no word of its own, so that --keep could destroy other snapshots",
          hint: 'leave --keep and --keep-target out, or give the format a word, such as zferry_%Y-%m-%d_%H:%M:%S',
        }),
      });
    }
    expect(await pair.lines()).toEqual([]);
  });
});

/** A second target of the same source. */
const secondTarget = async (): Promise<Pair> => {
  const other = pairOf(pair.source, unused(dst));
  onTestFinished(other.remove);
  expect(await other.prime()).toEqual(silentSuccess);
  return other;
};

describe('two targets of one source', () => {
  test('have bookmarks of their own; one that was away catches up from its own', async () => {
    pair = await primedPair(undefined, unused(dst));
    const away = await secondTarget();
    const old = await snapshots(dst, away.target);
    await writeFiles(pair.source, 'meanwhile');
    await cycles(4, pair);
    // The bookmark frees the snapshot: who is away does not fill the source
    await cycles(1, pair, '--keep', '1');
    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([label]);
    expect(await snapshots(dst, away.target)).toEqual(old);
    expect(await bookmarks(pair.source)).toHaveLength(2);

    const { kind, base } = reportOf(await away.cycle('--json'));
    expect(kind).toBe('incremental');
    expect(base).toMatch(new RegExp(`^${pair.source}#zferry_`));
    await newestEqual(away);
    expect(await bookmarks(pair.source)).toHaveLength(2);
    await cycles(1, pair);
    await cycles(1, away);
    // Each has the base of its own
    expect(await snapshots(src, pair.source)).toEqual([
      await newestEqual(pair),
      await newestEqual(away),
    ]);
  });

  test('leave each other what a broken stream needs to go on', async () => {
    pair = await primedPair(undefined, unused(dst));
    const broken = await secondTarget();
    await writeLongStream(pair.source);
    const run = await inTheMiddle(broken, 'run');
    await run.signal('KILL');
    await run.done;
    await cycles(2, pair, '--keep', '1');

    expect(reportOf(await broken.cycle('--json')).kind).toBe('resumed');
    await newestEqual(broken);
    await cycles(1, broken);
    expect(await snapshots(dst, broken.target)).toEqual([await newestEqual(broken)]);
  });
});

test('the source prunes while the target still does, and remembers what is to go there where that breaks off', async () => {
  pair = await primedPair();
  const [before = ''] = await snapshots(src, pair.source);
  const go = `/tmp/go-${randomBytes(4).toString('hex')}`;
  const hangs = `until [ -e ${go} ]; do sleep 0.1; done; rm ${go}; kill -9 0`;
  const cut = pair.cycle(...(await liar({ zfs: `case $1 in destroy) ${hangs};; esac` })));

  await src.until(sh`zfs list ${pair.source} && ! zfs list ${`${pair.source}@${before}`}`, 60_000);
  expect(await snapshots(dst, pair.target)).toHaveLength(2);
  await dst.ok(sh`touch ${go}`);
  expect(await cut).toMatchObject({ exitCode: 1 });
  const label = await newestEqual(pair);
  expect(await labels()).toEqual({ here: [label], there: [before, label] });

  await cycles(1, pair);
  const newest = await newestEqual(pair);
  expect(await labels()).toEqual({ here: [newest], there: [newest] });
  expect(await bookmarks(pair.source)).toHaveLength(1);
});
