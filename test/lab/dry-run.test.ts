import { afterEach, describe, expect, test } from 'vitest';
import { src } from './support/host.ts';
import { changingNothing, said } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  type Pair,
  primedPair,
  snapshots,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import type { Result } from './support/result.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** Nothing changes, nothing is logged, and the next real cycle has not noticed. */
const rehearsed = async (act: () => Promise<Result>): Promise<Result> => {
  const logged = await pair.lines();
  const properties = () => src.ok(sh`zfs get -H -r -s local,received all ${pair.source}`);
  const before = await properties();
  const result = await changingNothing(pair, act);
  expect(await properties()).toBe(before);
  expect(await pair.lines()).toEqual(logged);
  return result;
};

describe('--dry-run', () => {
  test('tells a cycle’s base, size and prunings, and does nothing', async () => {
    pair = await primedPair();
    const [base] = await snapshots(src, pair.source);
    const [bookmark] = await bookmarks(pair.source);
    await writeFiles(pair.source, 'second');
    await src.ok(sh`zpool sync ${src.pool}`);
    const { exitCode, stdout, stderr } = await rehearsed(() => pair.cycle('--dry-run'));

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(
        new RegExp(
          `^would make ${pair.source}@zferry_\\S+Z and send what changed since ${pair.source}@${String(base)} to dst:${pair.target}$`,
        ),
      ),
      expect.stringMatching(/^estimated size: 1(\.\d+)? MiB before compression$/),
      'compression: lzop',
      `would then destroy ${pair.source}@${String(base)} here`,
      `would then destroy ${pair.source}#${String(bookmark)} here`,
      `would then destroy ${pair.target}@${String(base)} on dst`,
    ]);
  });

  test('tells the same as JSON', async () => {
    pair = await primedPair();
    const [base] = await snapshots(src, pair.source);
    const [bookmark] = await bookmarks(pair.source);
    const { exitCode, stdout, stderr } = await rehearsed(() => pair.cycle('--dry-run', '--json'));

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      result: 'planned',
      verb: 'run',
      source: pair.source,
      target: pair.place,
      kind: 'incremental',
      snapshot: expect.stringContaining(`${pair.source}@zferry_`),
      base: `${pair.source}@${String(base)}`,
      estimatedBytes: expect.any(Number),
      compression: 'lzop',
      asStored: false,
      raw: false,
      notes: [],
      givesUpPartial: false,
      prune: {
        source: [`${pair.source}@${String(base)}`, `${pair.source}#${String(bookmark)}`],
        target: [`${pair.target}@${String(base)}`],
      },
    });
  });

  test('tells what a prime would send', async () => {
    pair = await freshPair();
    await src.ok(sh`zpool sync ${src.pool}`);
    const { exitCode, stdout } = await rehearsed(() => pair.prime('--dry-run'));

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        `^would make ${pair.source}@zferry_\\S+Z and send all of it to dst:${pair.target}$`,
        'm',
      ),
    );
    expect(stdout).toMatch(/^estimated size: 1(\.\d+)? MiB before compression$/m);
  });

  test('refuses what a cycle would refuse, in the same words', async () => {
    pair = await freshPair();

    expect(await rehearsed(() => pair.cycle('--dry-run'))).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: said({
        error: `${pair.target} on dst does not exist: this pair is not primed, or the target was destroyed or renamed`,
        hint: `make the first full send: zferry prime ${pair.source} ${pair.place}`,
      }),
    });
  });
});
