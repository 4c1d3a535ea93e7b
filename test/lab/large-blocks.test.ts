import { afterEach, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import { newestEqual, type Pair, pairOf, primedPair, writeFiles } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { follow, verdictOf } from './support/refusal.ts';
import { below } from './support/tree.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** Makes a source of 1M records, whose replica somebody makes with `zfs send` and those flags. */
const byHand = async ({ source, target }: Pair, flags: string): Promise<void> => {
  await src.ok(sh`zfs create -o recordsize=1M ${source}`);
  await src.ok(sh`head -c 4194304 /dev/urandom > ${`/${source}/big`}`);
  await src.ok(sh`zfs snapshot ${`${source}@first`}`);
  const receive = sh`ssh dst zfs receive -u -o readonly=on ${target}`;
  await src.ok(`zfs send ${flags} ${sh`${`${source}@first`}`} | ${receive}`);
  await writeFiles(source, 'second');
};

const records = async ({ source }: Pair): Promise<string> =>
  await src.ok(sh`zfs get -H -s local -o value all ${source}`);

test('a replica that was begun by hand with -L goes on with it, which is learned once', async () => {
  pair = pairOf();
  await byHand(pair, '-L');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect(await records(pair)).toContain('large-blocks');
  await newestEqual(pair);
  expect(await pair.cycle()).toEqual(silentSuccess);
  await newestEqual(pair);
});

test('so is one in a tree, by the way, and it keeps no other', async () => {
  pair = await primedPair();
  const [begun, after] = [below(pair, 'begun'), below(pair, 'new')];
  await byHand(begun, '-L');
  await src.ok(sh`zfs create ${after.source}`);
  await writeFiles(after.source, 'first');
  const members = [pair, begun, after];
  expect(await pair.cycle('-r')).toEqual(silentSuccess);
  expect(await records(begun)).toContain('large-blocks');
  await Promise.all(members.map(newestEqual));
  await writeFiles(begun.source, 'third');
  expect(await pair.cycle('-r')).toEqual(silentSuccess);
  expect(new Set(await Promise.all(members.map(newestEqual))).size).toBe(1);
});

test('a replica that was begun by hand without -L goes on without it', async () => {
  pair = pairOf();
  await byHand(pair, '');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect(await records(pair)).not.toContain('large-blocks');
  await newestEqual(pair);
});

test('turned round onto the old source, a replica that never had large blocks is refused with the way out', async () => {
  pair = pairOf();
  await byHand(pair, '');
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
