import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { type Asked, askedBy, askedByCycle, listed, lockFilesOf } from './support/looks.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  newestEqual,
  type Pair,
  pairOf,
  primedPair,
  snapshots,
  stateOf,
  underCron,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { isTidy } from './support/tidy.ts';
import { wrapTools } from './support/tools.ts';

let pair: Pair;
/** What the pair's last cycle has brought over. */
let newest: string;
const remember = async () => {
  newest = (await snapshots(dst, pair.target)).at(-1) ?? '';
};
beforeEach(async () => {
  pair = await primedPair();
  await remember();
});
afterEach(async () => pair.remove());

const nowhere = { here: false, there: false };
const both = { here: true, there: true };

/** A cycle that ends well; answers where all snapshots were listed. */
const listedByCycle = async (...options: readonly string[]) => {
  const asked = await askedByCycle(pair, ...options);
  expect(asked.result).toEqual(silentSuccess);
  await newestEqual(pair);
  return listed(asked);
};

describe('a cycle lists no snapshots', () => {
  test('where the one before left nothing to be done', async () => {
    expect(await listedByCycle()).toEqual(nowhere);
    await isTidy(pair);
    expect(await listedByCycle()).toEqual(nowhere);
    await isTidy(pair);
  });

  test('where others have made snapshots on both sides, and leaves theirs alone', async () => {
    await src.ok(sh`zfs snapshot ${pair.source}@hourly`);
    await dst.ok(sh`zfs snapshot ${pair.target}@foreign`);
    expect(await listedByCycle()).toEqual(nowhere);
    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual(['hourly', label]);
    expect(await snapshots(dst, pair.target)).toEqual(['foreign', label]);
  });

  test('where its base is only a bookmark any more, or was renamed', async () => {
    await src.ok(sh`zfs destroy ${pair.source}@${newest}`);
    expect(await listedByCycle()).toEqual(nowhere);
    await isTidy(pair);
    await remember();
    await src.ok(sh`zfs rename ${pair.source}@${newest} ${pair.source}@kept`);
    expect(await listedByCycle()).toEqual(nowhere);
    expect(await snapshots(src, pair.source)).toEqual(['kept', await newestEqual(pair)]);
  });

  test('for two targets of one run either', async () => {
    const other = pairOf(pair.source, `${pair.target}-other`);
    const words = [pair.source, pair.place, other.place, '--log', pair.log];
    try {
      expect(await other.prime()).toMatchObject({ exitCode: 0 });
      expect(await src.run(underCron(['run', ...words]))).toEqual(silentSuccess);
      const asked = await askedBy(['run', ...words]);
      expect(asked.result).toEqual(silentSuccess);
      expect(listed(asked)).toEqual(nowhere);
      const label = await newestEqual(pair);
      expect(await newestEqual(other)).toBe(label);
      expect(await snapshots(src, pair.source)).toEqual([label]);
      expect(await bookmarks(pair.source)).toHaveLength(2);
    } finally {
      await dst.ok(sh`zfs destroy -R ${other.target} 2>/dev/null || true`);
    }
  });
});

describe('a cycle lists all, and goes on', () => {
  test.each<[string, () => Promise<unknown>]>([
    [
      'the newest snapshot there has another name',
      () => dst.ok(sh`zfs rename ${pair.target}@${newest} ${pair.target}@kept`),
    ],
    [
      "this target's bookmark is gone",
      async () => src.ok(sh`zfs destroy ${pair.source}#${String(await bookmarks(pair.source))}`),
    ],
    [
      'the lock files are gone',
      async () => {
        for (const file of await lockFilesOf(pair)) await src.ok(sh`rm ${file}`);
      },
    ],
    [
      'another run came to the target by another name',
      async () => {
        await dst.ok('true');
        expect(await pair.zferry('run', pair.source, pair.at('root@dst'))).toEqual(silentSuccess);
      },
    ],
    [
      'the last listing was a day ago',
      async () => {
        for (const file of await lockFilesOf(pair)) {
          await src.ok(sh`sed -i -E ${'s#("remembered":"[^/]*/[^/]*)/1[0-9]*/#\\1/1/#'} ${file}`);
        }
      },
    ],
  ])('where %s', async (_, change) => {
    await change();
    const asked = await askedByCycle(pair);
    expect(asked.result).toEqual(silentSuccess);
    expect(listed(asked)).toMatchObject({ there: true });
    await newestEqual(pair);
    const others = (await snapshots(dst, pair.target)).filter((label) => label === 'kept');
    await isTidy(pair, ...others);
    // And the next one need not: it was told what the listing had shown.
    if (asked.here.length > 0) await remember();
  });

  test('where another snapshot has the name of the base here, and leaves both alone', async () => {
    await src.ok(sh`zfs rename ${pair.source}@${newest} ${pair.source}@kept`);
    await src.ok(sh`zfs snapshot ${pair.source}@${newest}`);
    expect(await listedByCycle()).toEqual(both);
    expect(await snapshots(src, pair.source)).toEqual(['kept', newest, await newestEqual(pair)]);
    expect(await snapshots(dst, pair.target)).toHaveLength(1);
  });

  test('where a policy has to know them', async () => {
    expect(await listedByCycle('--keep', '2')).toEqual(both);
    expect(await listedByCycle('--keep-target', 'last=2')).toEqual(both);
    expect(await listedByCycle()).toEqual(nowhere);
  });

  test('as long as something is left that could not be pruned', async () => {
    await dst.ok(sh`zfs hold keep ${pair.target}@${newest}`);
    expect(await listedByCycle()).toEqual(nowhere);
    expect(await snapshots(dst, pair.target)).toEqual([newest, await newestEqual(pair)]);
    expect(await listedByCycle()).toEqual(both);
    await dst.ok(sh`zfs release keep ${pair.target}@${newest}`);
    expect(await listedByCycle()).toEqual(both);
    await isTidy(pair);
    expect(await listedByCycle()).toEqual(nowhere);
  });

  test('where the one before was killed', async () => {
    const tools = await wrapTools({ ssh: 'sleep 60' });
    const run = src.start(underCron([pair.source, pair.place, '--log', pair.log], tools));
    await src.until(
      sh`test "$(/usr/sbin/zfs list -H -d 1 -t bookmark -o name ${pair.source} | wc -l)" = 2`,
    );
    await run.signal('KILL');
    await run.done;
    expect(await listedByCycle()).toEqual(both);
    await isTidy(pair);
    expect(await listedByCycle()).toEqual(nowhere);
  });
});

describe('a cycle lists all, refuses and leaves nothing behind', () => {
  const refusedCycle = async (): Promise<Asked> => {
    const before = [await stateOf(src, pair.source), await stateOf(dst, pair.target)];
    const asked = await askedByCycle(pair);
    expect(verdictOf(asked.result).exitCode).toBe(3);
    expect([await stateOf(src, pair.source), await stateOf(dst, pair.target)]).toEqual(before);
    return asked;
  };

  test('where another snapshot has the name of the base there', async () => {
    const name = `${pair.target}@${newest}`;
    await dst.ok(sh`zfs destroy ${name} && zfs snapshot ${name}`);
    const { result } = await refusedCycle();
    expect(verdictOf(result).error).toContain('it is not the same snapshot: the guids differ');
  });

  test('where the source was rolled back behind its base', async () => {
    await src.ok(sh`zfs snapshot ${pair.source}@mine`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await src.ok(sh`zfs rollback -r ${pair.source}@mine`);
    expect(await bookmarks(pair.source)).toEqual([]);
    const { result } = await refusedCycle();
    expect(verdictOf(result).error).toContain('have no common snapshot');
  });

  test('where a change there hides behind a snapshot', async () => {
    await dst.ok(
      sh`zfs set readonly=off ${pair.target} && zfs mount ${pair.target} 2>/dev/null; date >/${pair.target}/changed && zfs snapshot ${pair.target}@hides && zfs set readonly=on ${pair.target}`,
    );
    const { result } = await refusedCycle();
    expect(verdictOf(result).error).toContain(`was changed after its snapshot @${newest}`);
  });
});
