import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { liar } from './support/liar.ts';
import { lockFilesOf } from './support/looks.ts';
import { type Pair, primedPair, stateOf } from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { replicates } from './support/resumption.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** A cycle in which that happens on dst after zfs has told of the target, and before it lists its snapshots. */
const meanwhile = async (command: string) => {
  // With no word of the run before it has all snapshots of the target listed, and not one by its name
  for (const file of await lockFilesOf(pair)) await src.ok(sh`rm ${file}`);
  const options = await liar({ zfs: `case $1 in list) ${command};; esac` });
  const before = await stateOf(src, pair.source);
  const verdict = verdictOf(await pair.cycle(...options));
  expect(await stateOf(src, pair.source)).toBe(before);
  return verdict;
};

describe('a target that goes while it is looked at is not taken for one without snapshots', () => {
  test('its pool is exported', async () => {
    const pool = await smallPool(dst, 'vanishing', 64);
    pair = await primedPair(undefined, `${pool}/replica`);
    const { hint, ...said } = await meanwhile(sh`zpool export ${pool}`);

    expect(said).toEqual({ exitCode: 1, error: `the pool ${pool} is not imported on dst` });
    expect(hint).toContain(`zpool import ${pool}`);
    await dst.ok(sh`zpool import -d ${dst.vdevs} ${pool}`);
    await replicates(pair);
  });

  test('it is renamed', async () => {
    pair = await primedPair();
    const away = `${pair.target}-away`;

    expect(await meanwhile(sh`$real rename -u ${pair.target} ${away} 2>/dev/null`)).toEqual({
      exitCode: 1,
      error: `zfs on dst: cannot open '${pair.target}': dataset does not exist`,
      hint: undefined,
    });
    await dst.ok(sh`zfs rename -u ${away} ${pair.target}`);
    await replicates(pair);
  });
});
