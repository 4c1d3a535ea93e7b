import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from '../support/host.ts';
import { impatient, inTheMiddle, writeLongStream } from '../support/interruption.ts';
import { type Pair, primedPair, snapshots } from '../support/pair.ts';
import { goesOn } from '../support/resumption.ts';

let pair: Pair;
afterEach(async () => {
  await Promise.all([src.boot(), dst.boot()]);
  await pair.remove();
});

describe('a power cut in the middle of an increment', () => {
  test.each([
    ['of the target', [dst]],
    ['of the source', [src]],
    ['of both', [src, dst]],
  ])('%s: the next cycle goes on', async (_, hosts) => {
    pair = await primedPair();
    const [base] = await snapshots(src, pair.source);
    await writeLongStream(pair.source);
    const run = await inTheMiddle(pair, 'run', ...impatient);
    await Promise.all(hosts.map((host) => host.unplug()));
    const { exitCode } = await run.done;
    if (!hosts.includes(src)) expect(exitCode).toBe(1);
    for (const host of hosts) await host.boot();

    await goesOn(pair, 'run', base);
  });
});
