import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  primedPair,
  snapshots,
  unused,
} from './support/pair.ts';
import { sh } from './support/quote.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const replicates = async (...options: readonly string[]): Promise<string> => {
  expect(await pair.cycle(...options)).toEqual(silentSuccess);
  const label = await newestEqual(pair);
  expect(await snapshots(src, pair.source)).toEqual([label]);
  expect(await snapshots(dst, pair.target)).toEqual([label]);
  expect(await bookmarks(pair.source)).toHaveLength(1);
  expect((await pair.lines()).at(-1)).toContain(` ${pair.source}@${label} replicated to dst `);
  return label;
};

/** The same dataset on both hosts, below parents that the test removes. */
const nested = async (...parts: readonly string[]): Promise<string> => {
  const top = unused();
  const parent = [top, ...parts.slice(0, -1)].join('/');
  for (const host of [src, dst]) {
    await host.ok(sh`zfs create -p ${parent}`);
    onTestFinished(async () => void (await host.run(sh`zfs destroy -r ${top}`)));
  }
  return [top, ...parts].join('/');
};

describe('a dataset', () => {
  test('with a space, colons, a dash and a trailing dot is replicated', async () => {
    pair = await primedPair(`${unused()} my: vm:-disk_1.`);
    await replicates();
  });

  test('nested deeply, with names that look like hosts and options, is replicated', async () => {
    pair = await primedPair(await nested('a:b', '-n', 'c d', 'e.', 'f'));
    await replicates();
  });

  test('with the longest name that leaves room for its bookmarks is replicated', async () => {
    const top = unused();
    pair = await primedPair(`${top}${'x'.repeat(208 - top.length)}`);
    await replicates();
  });

  test('with a name too long for its snapshots and bookmarks is refused, and nothing stays', async () => {
    const top = unused();
    pair = await freshPair(`${top}${'x'.repeat(230 - top.length)}`);
    const { exitCode, stderr } = await pair.prime();

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^zferry: error: the name '\S+' would be longer than 255 characters\n$/);
    expect(await snapshots(src, pair.source)).toEqual([]);
    expect(await dst.run(sh`zfs list ${pair.target}`)).toMatchObject({ exitCode: 1 });
  });
});

describe('--name-format', () => {
  test('with a space makes and continues a series', async () => {
    pair = await freshPair();
    const format = ['--name-format', 'every five %F %T'];
    expect(await pair.prime(...format)).toEqual(silentSuccess);
    const label = await replicates(...format);
    expect(label).toMatch(/^every five \d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/);
  });
});
