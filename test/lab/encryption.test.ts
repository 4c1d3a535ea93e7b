import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { diesInTheMiddle, writeLongStream } from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  newestEqual,
  type Pair,
  pairOf,
  property,
  snapshots,
  unused,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { follow, refusalOf, verdictOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const KEY = '/root/zferry-test-key';
const OTHER_KEY = '/root/zferry-test-other-key';

beforeAll(async () => {
  await src.write(KEY, '0a'.repeat(32));
  await src.write(OTHER_KEY, '0b'.repeat(32));
});

const encryptedWith = (key: string): string =>
  sh`-o encryption=on -o keyformat=hex -o keylocation=${`file://${key}`}`;

/** An encrypted source with a few files, below an encryption root of its own where `root` says so. */
const encryptedPair = async (target?: string): Promise<void> => {
  pair = pairOf(undefined, target);
  await src.ok(`zfs create ${encryptedWith(KEY)} ${sh`${pair.source}`}`);
  await writeFiles(pair.source, 'first');
};

const lock = (dataset = pair.source) =>
  src.ok(sh`zfs unmount ${dataset} && zfs unload-key ${dataset}`);
const unlock = (dataset = pair.source) =>
  src.ok(sh`zfs load-key ${dataset} && zfs mount ${dataset}`);

/** Makes sure that the replica opens with this passphrase and that its newest snapshot has the source's files. */
const opensWith = async ({ target }: Pair, key: string, compared = pair): Promise<void> => {
  await dst.ok(sh`zfs load-key ${target}`, { input: await src.ok(sh`cat ${key}`) });
  await newestEqual(compared);
  await dst.ok(sh`zfs unload-key ${target}`);
};

/** What `zfs get` says of the replica. */
const replica = (name: string): Promise<string> => property(dst, pair.target, name);

describe('an encrypted source', () => {
  test('goes raw: the target never has its key, and opens with it', async () => {
    await encryptedPair();
    expect(await pair.prime()).toEqual(silentSuccess);
    await writeFiles(pair.source, 'second');
    const { kind, raw, compression } = reportOf(await pair.cycle('--json'));

    expect({ kind, raw, compression }).toEqual({
      kind: 'incremental',
      raw: true,
      compression: 'none',
    });
    const names = ['keystatus', 'encryptionroot', 'written', 'readonly', 'canmount', 'mounted'];
    expect(await Promise.all(names.map(replica))).toEqual([
      ...['unavailable', pair.target, '0', 'on', 'noauto', 'no'],
    ]);
    await opensWith(pair, KEY);
  });

  test('goes raw while it is locked, from its first send on', async () => {
    await encryptedPair();
    await lock();
    expect(await pair.prime()).toEqual(silentSuccess);
    await unlock();
    await writeFiles(pair.source, 'second');
    await lock();
    expect(await pair.cycle()).toEqual(silentSuccess);
    await unlock();
    await opensWith(pair, KEY);
  });

  test('goes on raw where its first send was interrupted', async () => {
    await encryptedPair();
    await writeLongStream(pair.source);
    await diesInTheMiddle(pair, 'prime');
    const { exitCode, error } = await refusalOf(pair, () => pair.prime('--decrypt'));
    expect({ exitCode, error }).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst is a raw replica, and --decrypt sends plain: the two are never mixed`,
    });
    const { kind, raw } = reportOf(await pair.prime('--json'));
    expect({ kind, raw }).toEqual({ kind: 'resumed', raw: true });
    await opensWith(pair, KEY);
  });

  test('brings a changed key along, and a child that has a key of its own goes with that', async () => {
    await encryptedPair();
    const child = pairOf(`${pair.source}/child`);
    await src.ok(`zfs create ${encryptedWith(OTHER_KEY)} ${sh`${child.source}`}`);
    await writeFiles(child.source, 'first');
    expect(await pair.prime()).toEqual(silentSuccess);
    expect(await child.prime()).toEqual(silentSuccess);
    await opensWith(child, OTHER_KEY, child);
    // The child comes under its parent's key, and that is changed
    await src.ok(sh`zfs change-key -i ${child.source}`);
    await src.ok(sh`zfs change-key -o keylocation=${`file://${OTHER_KEY}`} ${pair.source}`);
    await writeFiles(child.source, 'second');
    expect(await pair.cycle()).toEqual(silentSuccess);
    expect(await child.cycle()).toEqual(silentSuccess);
    await opensWith(pair, OTHER_KEY);
    await opensWith(child, OTHER_KEY, child);
  });

  test('is a tree: raw with its children, one with a key of its own, and a plain one plain, without any key there', async () => {
    await encryptedPair();
    const [heir, own, plain] = ['heir', 'own', 'plain'].map((name) =>
      pairOf(`${pair.source}/${name}`),
    ) as [Pair, Pair, Pair];
    await src.ok(
      `zfs create ${sh`${heir.source}`} && zfs create ${encryptedWith(OTHER_KEY)} ${sh`${own.source}`} && zfs create -o encryption=off ${sh`${plain.source}`}`,
    );
    for (const { source } of [heir, own, plain]) await writeFiles(source, 'first');
    const rehearsal = await pair.prime('--recursive', '--dry-run');
    expect(rehearsal.exitCode).toBe(0);
    expect(await pair.prime('--recursive')).toEqual(silentSuccess);
    const keys = () => dst.ok(sh`zfs list -H -r -o encryption,keystatus -s name ${pair.target}`);
    const expected = [
      'aes-256-gcm\tunavailable',
      'aes-256-gcm\tunavailable',
      'aes-256-gcm\tunavailable',
      'off\t-',
    ];
    expect((await keys()).split('\n')).toEqual(expected);

    await src.ok(sh`zfs change-key -o keylocation=${`file://${OTHER_KEY}`} ${pair.source}`);
    for (const { source } of [heir, own, plain]) await writeFiles(source, 'second');
    const late = pairOf(`${pair.source}/plain-late`);
    await src.ok(sh`zfs create -o encryption=off ${late.source}`);
    await writeFiles(late.source, 'first');
    expect(await pair.cycle('--recursive')).toEqual(silentSuccess);
    expect((await keys()).split('\n')).toEqual([...expected, 'off\t-']);
    for (const each of [plain, late]) await newestEqual(each);
    await opensWith(own, OTHER_KEY, own);
    await opensWith(pair, OTHER_KEY);
    const { exitCode } = await pair.cycle('--recursive', '--decrypt');
    expect(exitCode).toBe(3);
    expect((await keys()).split('\n')).toEqual([...expected, 'off\t-']);
  });

  test('goes in the clear only with --decrypt, and then each time, and with its key', async () => {
    await encryptedPair();
    await lock();
    expect(await refusalOf(pair, () => pair.prime('--decrypt'))).toEqual({
      exitCode: 3,
      error: `the key of ${pair.source} is not loaded, and --decrypt needs it`,
      hint: `load it: zfs load-key ${pair.source}`,
    });
    await unlock();
    const { raw, compression } = reportOf(await pair.prime('--decrypt', '--json'));
    expect({ raw, compression }).toEqual({ raw: false, compression: 'lzop' });
    expect(await replica('encryption')).toBe('off');
    await writeFiles(pair.source, 'second');

    const { hint, ...said } = await refusalOf(pair, pair.cycle);
    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst is a plain replica, and ${pair.source} is encrypted and sent raw: the two are never mixed`,
    });
    await follow(hint);
    await newestEqual(pair);
    // What was raw cannot become plain but by a new replica
    expect(await pair.prime('--replace')).toMatchObject({ exitCode: 0 });
    expect((await refusalOf(pair, () => pair.cycle('--decrypt'))).hint).toBe(
      `go on without it: zferry run ${pair.source} ${pair.place}`,
    );
    expect(await pair.cycle()).toEqual(silentSuccess);
    await opensWith(pair, KEY);
  });

  test('is told so by a rehearsal, and refused in the same words', async () => {
    await encryptedPair();
    const { stdout } = await pair.prime('--dry-run');
    expect(stdout).toContain(
      'the stream is raw: what is encrypted stays so, and needs no key there\n',
    );
    expect(stdout).toContain('compression: none\n');
    await lock();
    expect(verdictOf(await pair.prime('--dry-run', '--decrypt'))).toMatchObject({
      exitCode: 3,
      error: `the key of ${pair.source} is not loaded, and --decrypt needs it`,
    });
  });
});

describe('a plain source', () => {
  test('is encrypted below an encrypted dataset, which is said, and refused while that is locked', async () => {
    const parent = unused(dst);
    pair = pairOf(undefined, `${parent}/replica`);
    await src.ok(sh`zfs create ${pair.source}`);
    await writeFiles(pair.source, 'first');
    const input = '0c'.repeat(32);
    await dst.ok(sh`zfs create -o encryption=on -o keyformat=hex ${parent}`, { input });
    const close = sh`zfs unmount ${parent}; zfs unload-key -r ${parent}`;
    await dst.ok(close);
    const { hint, ...said } = await refusalOf(pair, pair.prime);
    expect(said).toEqual({
      exitCode: 3,
      error: `${parent} on dst is encrypted, and its key is not loaded there: it cannot take a plain stream`,
    });
    expect(hint).toBe(`load it: ssh dst 'zfs load-key ${parent}'`);
    await dst.ok(sh`zfs load-key ${parent}`, { input });
    const words = `encrypted on dst with the key of ${parent}`;
    expect((await pair.prime('--dry-run')).stdout).toContain(`it will be ${words}\n`);
    expect(await pair.prime()).toEqual(silentSuccess);
    expect((await pair.lines()).at(-1)).toMatch(new RegExp(`\\(${words}\\)$`));
    expect(await replica('encryptionroot')).toBe(parent);
    await newestEqual(pair);

    await dst.ok(close);
    expect((await refusalOf(pair, pair.cycle)).error).toBe(
      `${pair.target} on dst is encrypted, and its key is not loaded there: it cannot take a plain stream`,
    );
    await dst.ok(sh`zfs load-key ${parent}`, { input });
    expect(await pair.cycle()).toEqual(silentSuccess);
    expect(await snapshots(src, pair.source)).toEqual(await snapshots(dst, pair.target));
    await pair.remove();
    await dst.ok(sh`zfs destroy -r ${parent}`);
  });
});
