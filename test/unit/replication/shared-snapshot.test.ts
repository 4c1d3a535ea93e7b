import { beforeEach, describe, expect, test } from 'vitest';
import { type Zfs, zfsOf } from '../../../src/hosts/zfs-command.ts';
import { type Share, SharedSnapshot } from '../../../src/replication/shared-snapshot.ts';
import type { TargetId } from '../../../src/replication/target-id.ts';
import { parseSnapshotLabel } from '../../../src/zfs/names.ts';
import { request } from '../support/pair.ts';

const [a, b] = ['aaaaaaaaaa', 'bbbbbbbbbb'] as [TargetId, TargetId];
const tree = () => Promise.resolve('tree' as const);

let commands: string[];
let zfs: Zfs;
let one: Share;
let two: Share;
beforeEach(() => {
  commands = [];
  const ask = (words: readonly string[]) => {
    commands.push(words.join(' '));
    return Promise.resolve({ exitCode: 0, stdout: '', stderr: '' });
  };
  zfs = zfsOf(ask, { kind: 'here' }, () => '');
  const shared = new SharedSnapshot(2);
  [one, two] = [shared.share(0), shared.share(1)];
});

const need = (id: TargetId) => ({ request: request(), zfs, id });

/** Both targets have the one snapshot of a tree of three. */
const begun = async () => {
  const { label, isOwn } = await one.obtain(need(a), new Set(), tree);
  expect(isOwn).toBe(true);
  expect(await two.obtain(need(b), new Set(), tree)).toEqual({ label, isOwn: false });
  const root = request().pair.source.dataset;
  const names = ['', '/x', '/y'].map((path) => `${root}${path}@${label}`);
  await one.covers(zfs, names);
  await two.covers(zfs, names);
  expect(commands.splice(0)).toEqual([`snapshot -o zferry:for=${a} -r ${root}@${label}`]);
  return names as [string, string, string];
};

describe('the snapshot of a tree that targets share', () => {
  test('stays where one target refuses a dataset, and goes when both do', async () => {
    const [, x] = await begun();
    expect(await one.takeBack(zfs, [x])).toEqual([]);
    // It was made for the first; now it is the second that needs it.
    expect(commands.splice(0)).toEqual([`set zferry:for=${b} ${x}`]);
    await two.takeBack(zfs, [x]);
    expect(commands.splice(0)).toEqual([`destroy ${x}`]);
    await one.end(zfs, false);
    await two.end(zfs, true);
    expect(commands.filter((command) => command.startsWith('destroy'))).toEqual([]);
  });

  test('gets the mark of the other target where the one that had it made fails, at once for all', async () => {
    const names = await begun();
    await one.end(zfs, false);
    expect(commands.splice(0)).toEqual([`set zferry:for=${b} ${names.join(' ')}`]);
    await two.end(zfs, true);
    expect(commands).toEqual([]);
  });

  test('keeps the mark of a target for what arrived there, whatever became of the rest', async () => {
    const [root, x, y] = await begun();
    one.arrived(x);
    await one.end(zfs, false);
    expect(commands.splice(0)).toEqual([`set zferry:for=${b} ${root} ${y}`]);
  });

  test('is not known by name before anybody has listed the tree, and marked when somebody has', async () => {
    const { label } = await one.obtain(need(a), new Set(), tree);
    await two.obtain(need(b), new Set(), tree);
    await one.end(zfs, false);
    expect(commands.splice(0)).toHaveLength(1);
    const name = `${request().pair.source.dataset}@${label}`;
    await two.covers(zfs, [name]);
    expect(commands).toEqual([`set zferry:for=${b} ${name}`]);
  });

  test('is another one where the target has one of that name', async () => {
    const { label } = await one.obtain(need(a), new Set(), tree);
    const taken = new Set([parseSnapshotLabel(label)]);
    const own = await two.obtain(need(b), taken, tree);
    expect(own.isOwn).toBe(true);
    expect(own.label).not.toBe(label);
    expect(commands.at(-1)).toContain(`zferry:for=${b} -r `);
  });
});
