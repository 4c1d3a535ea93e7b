import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { diagnosisOf } from './support/diagnosis.ts';
import {
  type Direction,
  direction,
  here,
  isCurrent,
  logged,
  remove,
  starts,
  writeMore,
  zferry,
} from './support/direction.ts';
import { src } from './support/host.ts';
import { during, untilReceived } from './support/interruption.ts';
import { logTime, silentSuccess } from './support/outcome.ts';
import { bookmarks, property, snapshots, stateOf } from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { without } from './support/programs.ts';
import { sh } from './support/quote.ts';
import { follow, verdictOf } from './support/refusal.ts';
import { wrapTools } from './support/tools.ts';
import { below } from './support/tree.ts';

/** Both on this host: a second pool stands for the other disk. */
let one: Direction;
let pool: string;
beforeEach(async () => {
  pool = await smallPool(src, 'usb', 256);
  one = await direction(src, [src, here], [src, here], pool);
});
afterEach(async () => remove(one));

/** Puts programs in front of ssh and lzop that note each call. Answers the folder, and what asks for the calls. */
const watched = async () => {
  const note = 'echo "${0##*/}" >>"${0%/*}/calls"';
  const tools = await wrapTools({ ssh: note, lzop: note });
  const calls = () => src.ok(sh`sort -u ${`${tools}/calls`} 2>/dev/null || true`);
  return { tools, calls };
};

test('a replica on another pool of this host is primed and kept current, uncompressed and without ssh', async () => {
  const { tools, calls } = await watched();

  expect(await zferry(one, ['prime'], tools)).toEqual(silentSuccess);
  expect(await property(src, one.target, 'readonly')).toBe('on');
  expect(await property(src, one.target, 'mounted')).toBe('no');
  await writeMore(one, 1);
  expect(await zferry(one, ['run', '--dry-run'], tools)).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(` to ${one.target}\n`),
  });
  expect(await zferry(one, ['run'], tools)).toEqual(silentSuccess);

  const label = await isCurrent(one);
  expect(await snapshots(src, one.source)).toEqual([label]);
  expect(await snapshots(src, one.target)).toEqual([label]);
  expect(await bookmarks(one.source)).toHaveLength(1);
  expect((await logged(one)).at(-1)).toMatch(
    new RegExp(
      `^${logTime} ${one.source}@${label} replicated to ${one.target} successfully\\. incremental [0-9.]+ MiB in [0-9.]+ s$`,
    ),
  );
  expect(await calls()).toBe('');

  expect(await zferry(one, ['run', '--compress', 'lzop'], tools)).toEqual(silentSuccess);
  expect(await calls()).toBe('lzop');
  await isCurrent(one);

  expect((await zferry(one, ['prime', '--replace'])).exitCode).toBe(0);
  await isCurrent(one);
  const id = /zferry_([0-9a-f]{10})_/.exec((await bookmarks(one.source)).join(' '))?.[1];
  const { stdout } = await src.run(sh`zferry forget ${one.source} ${one.target}`);
  expect(stdout).toBe(`${one.source} has forgotten ${one.target} (${id})\n`);
  expect(await bookmarks(one.source)).toEqual([]);
});

test('a tree is primed and kept current there, with a dataset that comes later', async () => {
  const { tools, calls } = await watched();
  const made = async (path: string): Promise<Direction> => {
    const member = below(one, path);
    await src.ok(sh`zfs create ${member.source}`);
    await writeMore(member, 1);
    return member;
  };
  const tree = [one, await made('a'), await made('a/b')];
  expect(await zferry(one, ['prime', '-r'], tools)).toEqual(silentSuccess);
  for (const each of tree) await writeMore(each, 1);
  tree.push(await made('late'));
  expect(await zferry(one, ['run', '-r'], tools)).toEqual(silentSuccess);

  const label = await isCurrent(one);
  for (const each of tree) {
    expect(await isCurrent(each)).toBe(label);
    expect(await snapshots(src, each.source)).toEqual([label]);
    expect(await snapshots(src, each.target)).toEqual([label]);
    expect(await property(src, each.target, 'readonly')).toBe('on');
  }
  expect((await logged(one)).at(-1)).toMatch(
    new RegExp(`@${label} replicated to ${one.target} successfully\\..* \\(4 datasets\\)$`),
  );
  expect(await calls()).toBe('');
});

test('zferry doctor asks for no ssh there, and its hints are commands for this host', async () => {
  expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
  const doctor = async () => diagnosisOf(await zferry(one, ['doctor', '--json']));
  const { of, ...well } = await without(src, ['ssh'], doctor);
  expect(well).toEqual({ exitCode: 0, troubles: [] });
  expect(Object.keys(of)).toEqual([
    ...['programs', 'zfs here', 'pool here', 'rights here'],
    ...['zfs there', 'pool there', 'rights there', 'features', 'compressor'],
    ...['read-only', 'mountpoint', 'space', 'base', 'token', 'lock', 'crontab', 'log'],
  ]);

  await src.ok(sh`zfs set readonly=off ${one.target}`);
  const writable = await doctor();
  expect(writable).toMatchObject({ exitCode: 3, troubles: ['read-only'] });
  await follow(writable.of['read-only']?.hint);
  await src.ok(sh`zpool export ${pool}`);
  const away = await doctor();
  expect(away).toMatchObject({ exitCode: 1, troubles: ['pool there'] });
  expect(away.of['pool there']?.hint).toBe(`zpool import ${pool}`);
});

test('a pool that is not there is a failure with the way out, and the next cycle goes on', async () => {
  const file = `${src.vdevs}/${pool}.pool`;
  expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
  await src.ok(sh`zpool export ${pool}`);
  const before = await stateOf(src, one.source);
  for (const _ of [1, 2]) {
    expect(verdictOf(await zferry(one, ['run']))).toEqual({
      exitCode: 1,
      error: `the pool ${pool} is not imported on this host`,
      hint: `zpool import ${pool}`,
    });
    expect((await logged(one)).at(-1)).toMatch(
      new RegExp(`failed to replicate to ${one.target}! ERROR! the pool ${pool} is not imported`),
    );
  }
  expect(await stateOf(src, one.source)).toBe(before);
  await src.ok(sh`zpool import -d ${file} ${pool}`);
  expect(await zferry(one, ['run'])).toEqual(silentSuccess);
  await isCurrent(one);
});

const slowly = ['--rate', '4M'] as const;

/** Starts a prime of 50 MiB and answers in the middle of it. */
const inTheMiddle = async () => {
  await writeMore(one, 50);
  const run = starts(one, ['prime', ...slowly]);
  await during(run, untilReceived(src, one.target, 7_000_000));
  return run;
};

test.each(['KILL', 'TERM'])(
  'cut short by SIG%s nothing of it lives on, and the next run goes on with it',
  async (signal) => {
    const run = await inTheMiddle();
    expect((await zferry(one, ['prime'])).exitCode).toBe(4);
    await run.signal(signal);
    await run.done;
    await src.until('! pgrep -x zfs && ! pgrep -x pv');
    expect(await property(src, one.target, 'receive_resume_token')).not.toBe('-');

    expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
    expect((await logged(one)).at(-1)).toContain('. resumed ');
    await isCurrent(one);
    // Not even the beat's sleep holds the lock.
    expect(await zferry(one, ['run'])).toEqual(silentSuccess);
  },
);

test('--rollback, --sudo and a changed target go as with any other host', async () => {
  expect(await zferry(one, ['prime', '--sudo'])).toEqual(silentSuccess);
  await src.ok(
    sh`zfs set readonly=off ${one.target} && zfs set mountpoint=/${one.target} ${one.target}` +
      sh` && zfs mount ${one.target} && touch /${one.target}/change && zfs umount ${one.target}` +
      sh` && zfs set readonly=on ${one.target} && zpool sync ${pool}`,
  );
  onTestFinished(async () => void (await src.run(sh`zfs umount ${one.target}`)));
  const { hint, ...said } = verdictOf(await zferry(one, ['run']));
  expect(said).toMatchObject({
    exitCode: 3,
    error: expect.stringContaining(`${one.target} on this host was changed`),
  });
  await follow(hint);
  await isCurrent(one);
});
