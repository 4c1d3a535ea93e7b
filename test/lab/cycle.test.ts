import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { logTime } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  primedPair,
  property,
  snapshots,
  writeFiles,
} from './support/pair.ts';

let pair: Pair;
afterEach(async () => pair.remove());

describe('prime', () => {
  test('makes a replica with the same files, read-only and never mounted', async () => {
    pair = await freshPair();
    const { exitCode, stdout, stderr } = await pair.prime();

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    await newestEqual(pair);
    expect(await property(dst, pair.target, 'readonly')).toBe('on');
    expect(await property(dst, pair.target, 'canmount')).toBe('noauto');
    expect(await property(dst, pair.target, 'mounted')).toBe('no');
  });

  test('says that there is nothing to do when it is called again', async () => {
    pair = await primedPair();
    const before = await snapshots(src, pair.source);
    const { exitCode, stdout } = await pair.prime();

    expect(exitCode).toBe(0);
    expect(stdout.trim()).toBe(`${pair.source} is already primed on ${pair.place}`);
    expect(await snapshots(src, pair.source)).toEqual(before);
  });
});

describe('a cycle', () => {
  test('brings the target up to date, leaves one snapshot and one bookmark, and logs one line', async () => {
    pair = await primedPair();
    await writeFiles(pair.source, 'second');
    const { exitCode, stdout, stderr } = await pair.cycle();

    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    const label = await newestEqual(pair);
    expect(label).toMatch(/^zferry_\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/);
    expect(await snapshots(src, pair.source)).toEqual([label]);
    expect(await snapshots(dst, pair.target)).toEqual([label]);
    expect(await bookmarks(pair.source)).toHaveLength(1);
    const line = (await pair.lines()).at(-1);
    expect(line).toMatch(
      new RegExp(
        `^${logTime} ${pair.source}@zferry_\\S+ replicated to dst successfully\\. incremental [0-9.]+ MiB in [0-9.]+ s$`,
      ),
    );
  });
});
