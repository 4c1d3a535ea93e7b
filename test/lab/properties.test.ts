import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import { newestEqual, type Pair, pairOf, unused, writeFiles } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { makeUser, receiverRights } from './support/user.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** Everything that the replica and its snapshots do not inherit: property, value and where it comes from. */
const own = async (): Promise<readonly string[]> => {
  const words = sh`zfs get -r -Hp -s local,received -o property,value,source all ${pair.target}`;
  const lines = new Set((await dst.ok(words)).split('\n'));
  return [...lines].map((line) => line.replaceAll('\t', ' ')).toSorted();
};

describe('--properties', () => {
  test('takes a filesystem’s properties along, but for where it appears, its limits and zferry’s own', async () => {
    pair = pairOf();
    const elsewhere = `/var/tmp/${pair.source}`;
    await src.ok(
      sh`zfs create -o compression=gzip -o atime=off -o quota=1G -o sharenfs=off -o mountpoint=${elsewhere} -o org:what=vm ${pair.source} && touch ${`${elsewhere}/file`}`,
    );
    expect((await pair.prime('--properties', '--dry-run')).stdout).toContain(
      'the properties of the source go along\n',
    );
    expect(await pair.prime('--properties')).toEqual(silentSuccess);
    const ours = ['canmount noauto local', 'readonly on local'];
    expect(await own()).toEqual(
      [
        ...ours,
        'atime off received',
        'compression gzip received',
        'org:what vm received',
      ].toSorted(),
    );

    await dst.ok(sh`zfs set quota=3G ${pair.target}`);
    await src.ok(
      sh`zfs set compression=zstd canmount=on readonly=off quota=2G ${pair.source} && zfs inherit atime ${pair.source} && touch ${`${elsewhere}/second`}`,
    );
    // It changes nothing until they are sent again
    expect(await pair.cycle()).toEqual(silentSuccess);
    expect(await own()).toContain('compression gzip received');
    expect(await pair.cycle('--properties')).toEqual(silentSuccess);
    expect(await own()).toEqual(
      [
        ...ours,
        'compression zstd received',
        'org:what vm received',
        `quota ${3 * 2 ** 30} local`,
      ].toSorted(),
    );
    await newestEqual(pair);
  });

  test('takes a volume’s along, but for its device’s settings and what is reserved for it', async () => {
    pair = pairOf();
    await src.ok(
      sh`zfs create -V 8M -o compression=gzip -o volmode=dev -o snapdev=visible ${pair.source}`,
    );
    expect(await pair.prime('--properties')).toEqual(silentSuccess);
    const expected = ['compression gzip received', 'readonly on local', `volsize ${2 ** 23} local`];
    expect(await own()).toEqual(expected);
    await src.ok(sh`zfs set readonly=off volmode=full volsize=16M compression=lz4 ${pair.source}`);
    expect(await pair.cycle('--properties')).toEqual(silentSuccess);
    expect(await own()).toEqual([
      'compression lz4 received',
      'readonly on local',
      `volsize ${2 ** 24} local`,
    ]);
  });

  test('says which of them a user there may not set, and what of the snapshot stays', async () => {
    const user = await makeUser(dst);
    const parent = unused(dst);
    pair = pairOf(undefined, `${parent}/replica`);
    onTestFinished(async () => {
      await dst.run(sh`zfs destroy -r ${parent}`);
      await user.remove();
    });
    await dst.ok(sh`zfs create -o canmount=off -o readonly=on ${parent}`);
    await dst.ok(sh`zfs allow ${user.name} ${receiverRights} ${parent}`);
    await src.ok(sh`zfs create -o compression=gzip ${pair.source}`);
    const place = `${user.name}@dst:${pair.target}`;
    const { stdout } = await pair.zferry('prime', pair.source, place, '--properties', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      result: 'replicated',
      notes: [`cannot receive compression property on ${pair.target}: permission denied`],
      kept: [expect.stringMatching(/^zferry:for of .*: permission denied$/)],
    });
  });

  test('goes with a raw stream, and not with one in the clear', async () => {
    pair = pairOf();
    await src.ok(
      sh`zfs create -o encryption=on -o keyformat=hex -o compression=gzip ${pair.source}`,
      { input: '0a'.repeat(32) },
    );
    await writeFiles(pair.source, 'first');
    expect(verdictOf(await pair.prime('--properties', '--decrypt'))).toMatchObject({
      exitCode: 2,
      error:
        '--decrypt and --properties exclude each other: zfs sends the properties of an encrypted dataset only raw',
    });
    expect(await pair.prime('--properties')).toEqual(silentSuccess);
    await writeFiles(pair.source, 'second');
    expect(await pair.cycle('--properties')).toEqual(silentSuccess);
    expect(await own()).toEqual([
      ...['canmount noauto local', 'compression gzip received', 'keylocation prompt local'],
      'readonly on local',
    ]);
  });
});
