import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { during, untilReceived } from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  freshPair,
  newestEqual,
  type Pair,
  pairOf,
  property,
  snapshots,
  underCron,
  writeBigFile,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { reportOf } from './support/report.ts';
import { isTidy } from './support/tidy.ts';
import { below } from './support/tree.ts';

let golden: Pair;
let pair: Pair;
const include = ['--include-snapshots', 'v*'] as const;

/** A dataset with a snapshot, and a clone of that with something of its own. */
beforeEach(async () => {
  golden = await freshPair();
  pair = pairOf();
  await src.ok(
    sh`zfs snapshot ${`${golden.source}@v1`} && zfs clone ${`${golden.source}@v1`} ${pair.source}`,
  );
  await writeFiles(pair.source, 'of the clone');
});
afterEach(async () => {
  await pair.remove();
  await golden.remove();
});

const origin = () => property(dst, pair.target, 'origin');
const inFull = () => `sent as a full dataset, although it is a clone of ${golden.source}@v1`;

/** It is a clone there, read-only and not mounted, and goes on by increments. */
const isClone = async (): Promise<void> => {
  await newestEqual(pair);
  expect(await origin()).toBe(`${golden.target}@v1`);
  expect(await property(dst, pair.target, 'readonly')).toBe('on');
  expect(await property(dst, pair.target, 'canmount')).toBe('noauto');
  await writeFiles(pair.source, 'more');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect((await pair.lines()).at(-1)).not.toContain('clone');
  await isTidy(pair);
};

describe('a clone', () => {
  test('is sent as a clone where its origin is on the target, which is said, and goes on by increments', async () => {
    expect(await golden.prime(...include)).toEqual(silentSuccess);
    const words = `sent as a clone of ${golden.source}@v1`;
    expect((await pair.prime('--dry-run')).stdout).toContain(`it will be ${words}\n`);
    const { kind, notes, bytes } = reportOf(await pair.prime('--json'));
    expect({ kind, notes }).toEqual({ kind: 'full', notes: [words] });
    // Its own files, and not those of its origin
    expect(bytes).toBeLessThan(1.6 * 2 ** 20);
    await isClone();
    // What it needs stays, and the replica of its origin goes on
    expect(await golden.cycle('--keep-target', 'last=1')).toEqual(silentSuccess);
    expect(await snapshots(dst, golden.target)).toContain('v1');
  });

  test('is resumed as one, and what continues it is checked', async () => {
    expect(await golden.prime(...include)).toEqual(silentSuccess);
    await writeBigFile(pair.source, 'big', 12);
    const words = ['prime', pair.source, pair.place, '--log', pair.log];
    const run = src.start(underCron([...words, '--compress', 'none', '--rate', '1M']));
    await during(run, untilReceived(dst, pair.target, 3_000_000, 60_000));
    await run.signal('KILL');
    await run.done;
    await dst.until('! pgrep -x zfs');
    expect(await property(dst, pair.target, 'receive_resume_token')).not.toBe('-');
    const report = reportOf(await pair.prime('--json'));
    expect(report.kind).toBe('resumed');
    expect(report.bytes).toBeLessThan(10 * 2 ** 20);
    await isClone();
  });

  test('is sent as a full dataset where its origin is not there, which is said', async () => {
    expect(await golden.prime()).toEqual(silentSuccess);
    // Another snapshot of the same name
    await dst.ok(sh`zfs snapshot ${`${golden.target}@v1`}`);
    expect((await pair.prime('--dry-run')).stdout).toContain(`it will be ${inFull()}\n`);
    expect(await pair.prime()).toEqual(silentSuccess);
    expect((await pair.lines()).at(-1)).toContain(`(${inFull()})`);
    expect(await origin()).toBe('-');
    await newestEqual(pair);
  });

  test('is sent as a full dataset where its origin came by another way: nobody knows with which flags', async () => {
    await src.ok(
      sh`zfs send ${`${golden.source}@v1`} | ssh dst zfs receive -u -o canmount=noauto ${golden.target}`,
    );
    expect(reportOf(await pair.prime('--json')).notes).toEqual([inFull()]);
    expect(await origin()).toBe('-');
  });

  test('carries the snapshots of others along behind its origin', async () => {
    expect(await golden.prime(...include)).toEqual(silentSuccess);
    await src.ok(sh`zfs snapshot ${`${pair.source}@v2`}`);
    expect(reportOf(await pair.prime(...include, '--json'))).toMatchObject({ carried: 1 });
    expect(await origin()).toBe(`${golden.target}@v1`);
    expect(await snapshots(dst, pair.target)).toEqual(['v2', await newestEqual(pair)]);
  });
});

test('a clone of an encrypted dataset is sent raw as a clone, and in the clear never into that', async () => {
  await src.ok(
    sh`zfs destroy ${pair.source} && zfs destroy -r ${golden.source} && echo 12345678 | zfs create -o encryption=on -o keyformat=passphrase ${golden.source}`,
  );
  await writeFiles(golden.source, 'first');
  await src.ok(
    sh`zfs snapshot ${`${golden.source}@v1`} && zfs clone ${`${golden.source}@v1`} ${pair.source}`,
  );
  await writeFiles(pair.source, 'of the clone');
  expect(await golden.prime(...include)).toEqual(silentSuccess);
  expect((await pair.prime('--decrypt', '--dry-run')).stdout).toContain(inFull());
  expect(await pair.prime()).toEqual(silentSuccess);
  expect(await origin()).toBe(`${golden.target}@v1`);
  expect(await property(dst, pair.target, 'encryption')).not.toBe('off');
  await writeFiles(pair.source, 'more');
  expect(await pair.cycle()).toEqual(silentSuccess);
  await src.ok(sh`zfs snapshot ${`${pair.source}@end`}`);
});

test('in a tree a clone finds the origin that is there already', async () => {
  const above = pairOf();
  await src.ok(
    sh`zfs create ${above.source} && zfs rename ${pair.source} ${`${above.source}/c`} && zfs clone ${`${golden.source}@v1`} ${pair.source}`,
  );
  expect(await golden.prime(...include)).toEqual(silentSuccess);
  try {
    const { notes } = reportOf(await above.prime('-r', '--json'));
    expect(notes).toContain(`sent as a clone of ${golden.source}@v1`);
    expect(await property(dst, `${above.target}/c`, 'origin')).toBe(`${golden.target}@v1`);
  } finally {
    await above.remove();
  }
});

test('in a tree a clone whose origin comes with the same first send goes in full, which is said', async () => {
  const tree = pairOf();
  const [origin, clone] = [below(tree, 'a'), below(tree, 'b')];
  await src.ok(
    sh`zfs create ${tree.source} && zfs rename ${golden.source} ${origin.source} && zfs rename ${pair.source} ${clone.source}`,
  );
  onTestFinished(tree.remove);
  const { notes } = reportOf(await tree.prime('-r', ...include, '--json'));
  expect(notes).toContain(`sent as a full dataset, although it is a clone of ${origin.source}@v1`);
  expect(await property(dst, clone.target, 'origin')).toBe('-');
  expect(await newestEqual(clone)).toBe(await newestEqual(origin));
  expect(await snapshots(dst, origin.target)).toContain('v1');
});
