import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { diesInTheMiddle } from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  pairOf,
  property,
  snapshots,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { refusalOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';
import {
  ext4Sums,
  makeExt4,
  newestVolumeEqual,
  volumePair,
  writeIntoVolume,
} from './support/volume.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const newest = async (): Promise<string> => String((await snapshots(dst, pair.target)).at(-1));

/** The replica's ext4 mounts, fsck finds nothing, and its files and its size are the source's. */
const holdsTheSameFiles = async (): Promise<void> => {
  const label = await newest();
  const here = await ext4Sums(src, `${pair.source}@${label}`);
  expect(here).toContain('/noise');
  expect(await ext4Sums(dst, `${pair.target}@${label}`)).toBe(here);
};

/** Properties of the replica, and where each comes from. */
const properties = async (...names: readonly string[]): Promise<readonly string[]> => {
  const words = sh`zfs get -Hp -o property,value,source ${names.join(',')} ${pair.target}`;
  return (await dst.ok(words)).split('\n').map((line) => line.replaceAll('\t', ' '));
};

describe('a volume', () => {
  test('with an ext4 in use arrives whole, follows a new size, and leaves the device’s settings there alone', async () => {
    pair = await volumePair(64);
    await writeIntoVolume(pair, 'first');
    expect(await pair.prime()).toEqual(silentSuccess);
    await holdsTheSameFiles();
    expect(await properties('type', 'readonly', 'refreservation')).toEqual([
      'type volume -',
      'readonly on local',
      'refreservation 0 default',
    ]);

    await dst.ok(sh`zfs set volmode=dev snapdev=visible ${pair.target}`);
    await src.ok(
      sh`zfs set volsize=96M ${pair.source} && udevadm settle && resize2fs /dev/zvol/${pair.source}`,
    );
    await writeIntoVolume(pair, 'second');
    expect(await pair.cycle()).toEqual(silentSuccess);
    await holdsTheSameFiles();
    await newestVolumeEqual(pair);
    expect(await properties('volsize', 'volmode', 'snapdev')).toEqual([
      `volsize ${96 * 2 ** 20} local`,
      'volmode dev local',
      'snapdev visible local',
    ]);
    expect(await snapshots(src, pair.source)).toEqual([await newest()]);
    expect(await bookmarks(pair.source)).toHaveLength(1);
  });

  test('goes on where its first send was interrupted', async () => {
    pair = await volumePair(64);
    await writeIntoVolume(pair, 'large', 40);
    await diesInTheMiddle(pair, 'prime');
    expect(reportOf(await pair.prime('--json')).kind).toBe('resumed');
    await holdsTheSameFiles();
    expect(await property(dst, pair.target, 'readonly')).toBe('on');
  });

  test('that has its whole size reserved takes on the target only what it holds', async () => {
    pair = pairOf();
    await src.ok(sh`zfs create -V 64M ${pair.source}`);
    expect(Number(await property(src, pair.source, 'used'))).toBeGreaterThan(64 * 2 ** 20);
    expect(await pair.prime()).toEqual(silentSuccess);
    expect(await properties('refreservation')).toEqual(['refreservation 0 default']);
    expect(Number(await property(dst, pair.target, 'used'))).toBeLessThan(2 ** 20);
  });

  test('is replaced as a filesystem is', async () => {
    pair = pairOf();
    await src.ok(sh`zfs create -s -V 8M ${pair.source}`);
    expect(await pair.prime()).toEqual(silentSuccess);
    const old = await property(dst, pair.target, 'guid');
    expect(await pair.prime('--replace')).toMatchObject({ exitCode: 0 });
    expect(await property(dst, pair.target, 'guid')).not.toBe(old);
    expect((await dst.run(sh`zfs list ${`${pair.target}.zferry_old`}`)).exitCode).toBe(1);
    expect(await pair.cycle()).toEqual(silentSuccess);
  });

  test('does not go into a filesystem, nor a filesystem into a volume', async () => {
    pair = await freshPair();
    await dst.ok(
      sh`zfs create -s -V 8M ${pair.target} && zfs set readonly=on ${pair.target} && zfs snapshot ${`${pair.target}@theirs`}`,
    );
    for (const act of [pair.prime, pair.cycle, () => pair.cycle('--dry-run')]) {
      const { stderr, exitCode } = await act();
      expect({ stderr, exitCode }).toEqual({
        exitCode: 3,
        stderr: `zferry: error: ${pair.source} is a filesystem, and ${pair.target} on dst is a volume\nzferry: hint: give another name for the target\n`,
      });
    }
    await pair.remove();

    pair = pairOf();
    await src.ok(sh`zfs create -s -V 8M ${pair.source}`);
    await dst.ok(
      sh`zfs create -o readonly=on ${pair.target} && zfs snapshot ${`${pair.target}@theirs`}`,
    );
    expect(await refusalOf(pair, pair.cycle)).toEqual({
      exitCode: 3,
      error: `${pair.source} is a volume, and ${pair.target} on dst is a filesystem`,
      hint: 'give another name for the target',
    });
  });
});

describe('a volume in a tree', () => {
  test('follows with the others, and a filesystem where a new one should go keeps no other', async () => {
    const root = pairOf();
    const volume = { ...pairOf(`${root.source}/disk`, `${root.target}/disk`), log: root.log };
    const files = { ...pairOf(`${root.source}/files`, `${root.target}/files`), log: root.log };
    await src.ok(sh`zfs create ${root.source} && zfs create ${files.source}`);
    await writeFiles(files.source, 'first');
    const unmount = await makeExt4(volume, 64);
    pair = {
      ...volume,
      remove: async () => {
        await unmount();
        await root.remove();
      },
    };
    await writeIntoVolume(pair, 'first');
    expect(await root.prime('-r')).toEqual(silentSuccess);
    await holdsTheSameFiles();
    await src.ok(
      sh`zfs set volsize=96M ${pair.source} && udevadm settle && resize2fs /dev/zvol/${pair.source}`,
    );
    await writeIntoVolume(pair, 'second');
    await writeFiles(files.source, 'second');
    expect(await root.cycle('-r', '--parallel', '2')).toEqual(silentSuccess);
    await holdsTheSameFiles();
    await newestEqual(files);
    expect(await properties('volsize', 'readonly', 'refreservation')).toEqual([
      `volsize ${96 * 2 ** 20} local`,
      'readonly on local',
      'refreservation 0 default',
    ]);

    const late = `${root.source}/late`;
    await src.ok(sh`zfs create -s -V 8M ${late}`);
    await dst.ok(sh`zfs create -o readonly=on ${`${root.target}/late`}`);
    await dst.ok(sh`zfs snapshot ${`${root.target}/late@theirs`}`);
    const before = await newest();
    const { exitCode, stderr } = await root.cycle('-r');
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`${late} is a volume, and ${root.target}/late on dst is a filesystem`);
    expect(stderr).toContain(`1 of 4 datasets are not current: ${late}\n`);
    expect(await snapshots(dst, `${root.target}/late`)).toEqual(['theirs']);
    expect(await newest()).not.toBe(before);
    await holdsTheSameFiles();
    expect(await newestEqual(files)).toBe(await newest());
  });
});
