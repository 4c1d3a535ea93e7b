import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from '../support/host.ts';
import { type Pair, primedPair } from '../support/pair.ts';
import { follow, refusalOf } from '../support/refusal.ts';
import { replicates } from '../support/resumption.ts';

let pair: Pair;
afterEach(async () => pair.remove());

describe('a source', () => {
  test('whose pool is not imported fails until it is', async () => {
    pair = await primedPair();
    onTestFinished(async () => void (await src.run('zpool import tank')));
    await src.ok('zpool export tank');
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({ exitCode: 1, error: 'the pool tank is not imported on this host' });
    await follow(hint);
    await replicates(pair);
  });
});

describe('a target', () => {
  test('whose pool is not imported fails until it is', async () => {
    pair = await primedPair();
    onTestFinished(async () => void (await dst.run('zpool import tank')));
    await dst.ok('zpool export tank');
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({ exitCode: 1, error: 'the pool tank is not imported on dst' });
    await follow(hint);
    await replicates(pair);
  });
});
