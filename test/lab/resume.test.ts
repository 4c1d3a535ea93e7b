import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import {
  diesBefore,
  diesInTheMiddle,
  impatient,
  inTheMiddle,
  writeLongStream,
} from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  freshPair,
  type Pair,
  primedPair,
  property,
  snapshots,
  writeBigFile,
  writeFiles,
} from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { sh } from './support/quote.ts';
import { follow, refusalOf, verdictOf } from './support/refusal.ts';
import { Relay } from './support/relay.ts';
import { reportOf } from './support/report.ts';
import { goesOn } from './support/resumption.ts';
import { isTidy } from './support/tidy.ts';
import { wire } from './support/wire.ts';

let pair: Pair;
const relay = new Relay();
afterEach(async () => {
  await wire.join();
  await relay.drop(pair);
});
afterAll(() => relay.end());

const unprimed = async (): Promise<void> => {
  pair = await freshPair();
  await writeLongStream(pair.source);
};

const outdated = async (): Promise<string> => {
  pair = await relay.take();
  await writeLongStream(pair.source);
  return String((await snapshots(src, pair.source))[0]);
};

const isProtected = async (): Promise<void> => {
  expect(await property(dst, pair.target, 'readonly')).toBe('on');
  expect(await property(dst, pair.target, 'canmount')).toBe('noauto');
  expect(await property(dst, pair.target, 'mounted')).toBe('no');
};

describe('a wire that is cut', () => {
  test('in the middle of a first send: it fails, and the same command goes on where it stopped', async () => {
    await unprimed();
    const run = await inTheMiddle(pair, 'prime', ...impatient);
    await wire.cut();
    const { exitCode, error } = verdictOf(await run.done);
    expect(exitCode).toBe(1);
    expect(error).toMatch(/^Timeout, server (dst|10\.99\.1\.2) not responding/);
    expect((await pair.lines()).at(-1)).toContain(` failed to replicate to dst! ERROR! ${error}`);

    await wire.join();
    await goesOn(pair, 'prime');
    await isProtected();
  });

  test('in the middle of an increment: it fails, and the next cycle goes on where it stopped', async () => {
    const base = await outdated();
    const run = await inTheMiddle(pair, 'run', ...impatient);
    await wire.cut();
    expect(verdictOf(await run.done).exitCode).toBe(1);

    await wire.join();
    await goesOn(pair, 'run', base);
    relay.handOn(pair);
  });

  test('and leaves a receive behind that the next cycle ends, and goes on from', async () => {
    const base = await outdated();
    const run = await inTheMiddle(pair, 'run', ...impatient);
    await wire.cut();
    await run.signal('KILL');
    await run.done;
    // Before the wire can tell the target that nobody is there any more
    const left = await dst.ok('pgrep -x zfs');
    await wire.join();

    await goesOn(pair, 'run', base);
    expect(await dst.ok(sh`ps -o pid= -p ${left} || true`)).toBe('');
    relay.handOn(pair);
  });
});

describe('a first send that was killed', () => {
  test('goes on in a cycle, which leaves a protected replica too', async () => {
    await unprimed();
    const run = await inTheMiddle(pair, 'prime');
    await run.signal('KILL');
    expect((await run.done).exitCode).toBe(137);

    await goesOn(pair, 'run');
    await isProtected();
    expect(await pair.cycle()).toEqual(silentSuccess);
  });

  test('cannot go on when its snapshot is gone; only a person may destroy what arrived', async () => {
    await unprimed();
    await diesInTheMiddle(pair, 'prime');
    const label = String((await snapshots(src, pair.source))[0]);
    await src.ok(sh`zfs destroy ${`${pair.source}@${label}`}`);

    const { hint, ...said } = await refusalOf(pair, pair.cycle);
    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst has a partial receive of ${pair.source}@${label}, which cannot be continued`,
    });
    expect(hint).toContain(`zferry prime --abort-partial ${pair.source} ${pair.place}`);
    expect(verdictOf(await pair.prime())).toEqual({ ...said, hint });
    await follow(hint);
    await isTidy(pair);
    await isProtected();
    expect(await pair.cycle()).toEqual(silentSuccess);
  });
});

describe('an increment that was killed', () => {
  test('is given up when its snapshot is gone, and another one goes instead', async () => {
    await outdated();
    await diesInTheMiddle(pair, 'run');
    await src.ok(
      sh`zfs destroy ${`${pair.source}@${String((await snapshots(src, pair.source)).at(-1))}`}`,
    );

    expect(reportOf(await pair.cycle('--json'))).toMatchObject({ kind: 'incremental', kept: [] });
    await isTidy(pair);
    relay.handOn(pair);
  });
});

describe('a compressor that is killed', () => {
  test.each(['lzop', 'zstd', 'lz4', 'gzip'])(
    '%s: it is named, and the next cycle goes on',
    async (name) => {
      await outdated();
      const run = await inTheMiddle(pair, 'run', '--compress', name, '--rate', '2M');
      await src.ok(sh`pkill -KILL -x ${name}`);
      expect(await run.done).toMatchObject({
        exitCode: 1,
        stderr: `zferry: error: ${name} was ended by SIGKILL\n`,
      });
      await goesOn(pair, 'run');
      relay.handOn(pair);
    },
  );
});

describe('a target pool that fills up', () => {
  test('fails the cycle in words that say so, and the next one goes on once there is room', async () => {
    const pool = await smallPool(dst, 'full', 128);
    pair = await primedPair(undefined, `${pool}/replica`);
    await dst
      .ok(
        `zfs create -o mountpoint=/mnt/ballast ${pool}/ballast && { head -c 100000000 /dev/urandom >/mnt/ballast/file; zpool sync ${pool}; truncate -s 76000000 /mnt/ballast/file; zpool sync ${pool}; }`,
      )
      .catch(() => undefined);
    await writeBigFile(pair.source, 'big', 20);
    const { exitCode, error, hint } = verdictOf(await pair.cycle());
    expect({ exitCode, hint }).toEqual({ exitCode: 1, hint: undefined });
    expect(error).toMatch(/^dst: .*(out of space|No space left)/i);
    expect((await pair.lines()).at(-1)).toContain(` failed to replicate to dst! ERROR! ${error}`);

    await dst.ok(`zfs destroy ${pool}/ballast && zpool sync ${pool}`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });
});

describe('zferry killed before', () => {
  test.each([
    ['the bookmark of a new snapshot', 'bookmark*'],
    ['a byte is sent', 'send*'],
    ['its bookkeeping, with everything sent', 'destroy*'],
    ['the bookmark that it replaced goes', 'destroy*#*'],
  ])('%s: the next cycle leaves one snapshot and one bookmark', async (_, words) => {
    pair = await relay.take();
    await writeFiles(pair.source, 'second');
    await diesBefore(pair, ['run'], words);
    await writeFiles(pair.source, 'third');

    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
    relay.handOn(pair);
  });

  test.each([
    ['the bookmark of the first snapshot', 'bookmark*_priming', 'prime'],
    ['a byte of the first send', 'send*', 'prime'],
    ['it notes that a first send arrived', 'bookmark*Z', 'run'],
    ['it drops the note that a first send was on its way', 'destroy*', 'run'],
  ] as const)(
    '%s: what is run next leaves one snapshot and one bookmark',
    async (_, words, next) => {
      pair = await freshPair();
      await diesBefore(pair, ['prime'], words);

      expect(await pair.zferry(next, pair.source, pair.place)).toEqual(silentSuccess);
      await isTidy(pair);
    },
  );
});
