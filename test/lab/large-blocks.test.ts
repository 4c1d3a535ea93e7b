import { afterEach, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import { newestEqual, type Pair, pairOf, writeFiles } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { follow, verdictOf } from './support/refusal.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** A source of 1M records whose replica somebody made with `zfs send` and those flags. */
const primedByHand = async (flags: string): Promise<void> => {
  pair = pairOf();
  await src.ok(sh`zfs create -o recordsize=1M ${pair.source}`);
  await src.ok(sh`head -c 4194304 /dev/urandom > ${`/${pair.source}/big`}`);
  await src.ok(sh`zfs snapshot ${`${pair.source}@first`}`);
  const receive = sh`ssh dst zfs receive -u -o readonly=on ${pair.target}`;
  await src.ok(`zfs send ${flags} ${sh`${`${pair.source}@first`}`} | ${receive}`);
  await writeFiles(pair.source, 'second');
};

const records = async (): Promise<string> =>
  await src.ok(sh`zfs get -H -s local -o value all ${pair.source}`);

test('a replica that was begun by hand with -L goes on with it, which is learned once', async () => {
  await primedByHand('-L');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect(await records()).toContain('large-blocks');
  await newestEqual(pair);
  expect(await pair.cycle()).toEqual(silentSuccess);
  await newestEqual(pair);
});

test('a replica that was begun by hand without -L goes on without it', async () => {
  await primedByHand('');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect(await records()).not.toContain('large-blocks');
  await newestEqual(pair);
});

test('turned round onto the old source, a replica that never had large blocks is refused with the way out', async () => {
  await primedByHand('');
  await pair.cycle();
  // The replica takes over, and the old source is to follow it.
  await dst.ok(sh`zfs set readonly=off ${pair.target}`);
  await src.ok(sh`zfs set readonly=on ${pair.source}`);
  const back = [`dst:${pair.target}`, pair.source];
  const { exitCode, error, hint } = verdictOf(await pair.zferry(...back));
  expect(exitCode).toBe(3);
  expect(error).toBe(
    `${pair.source} on this host has large blocks and ${pair.target} has not: zfs takes no increment of one for the other`,
  );
  expect(hint).toContain('zferry prime --replace ');
  await follow(hint);
  expect(await pair.zferry(...back)).toEqual(silentSuccess);
});
