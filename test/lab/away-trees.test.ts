import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { changeOn } from './support/change.ts';
import { diagnosisOf } from './support/diagnosis.ts';
import { dst, type Host, src } from './support/host.ts';
import { impatient, untilReceived } from './support/interruption.ts';
import { countingLogins } from './support/logins.ts';
import { silentSuccess } from './support/outcome.ts';
import { property, snapshots, stateOf, underCron, unused } from './support/pair.ts';
import { isQuiet } from './support/quiet.ts';
import { sh } from './support/quote.ts';
import { areAtOne, changeBelow, newestBelow, type Root } from './support/tree.ts';
import { wire } from './support/wire.ts';

/** A tree on dst, and two copies: one on src, where zferry runs, and one on dst, through src. */
const paths = ['', '/a', '/a/b c', '/d'];
const source = unused(dst);
const log = `/var/log/zferry-test-${randomBytes(4).toString('hex')}.log`;
const copies: readonly (readonly [Host, string, string])[] = [unused(src)].flatMap((near) => {
  const far = unused(dst);
  return [
    [src, near, near],
    [dst, far, `dst:${far}`],
  ];
});
const places = copies.map(([, , place]) => place);

const change = () => changeBelow([dst, source], paths);

beforeAll(async () => {
  for (const path of paths) await dst.ok(sh`zfs create ${`${source}${path}`}`);
  await change();
});
afterAll(async () => {
  await src.run(sh`zfs destroy -R ${copies[0]?.[1] ?? ''}; rm -f ${log}`);
  await dst.run(sh`zfs destroy -R ${copies[1]?.[1] ?? ''}; zfs destroy -R ${source}`);
});

const words = (verb: string, ...options: readonly string[]): readonly string[] => [
  verb,
  `dst:${source}`,
  ...places,
  ...options,
  '--log',
  log,
];
const zferry = (verb: string, ...options: readonly string[]) =>
  src.run(underCron(words(verb, ...options)), { timeout: 100_000 });

const observed = (...all: readonly [verb: string, ...options: string[]]) =>
  countingLogins((tools) => src.run(underCron(words(...all), tools), { timeout: 100_000 }));

const lines = async (): Promise<readonly string[]> =>
  (await src.ok(sh`cat ${log}`)).split('\n').filter(Boolean);

const from: Root = [dst, source];
const rootOf = ([host, target]: (typeof copies)[number]): Root => [host, target];

/** All copies have the source's one snapshot of each dataset, which has a bookmark for each copy. */
const areSteady = (of = paths) => areAtOne(from, copies.map(rootOf), of);

/** These datasets of a copy are current, whatever becomes of others. */
const areCurrent = async (copy: (typeof copies)[number], of: readonly string[]) =>
  void (await newestBelow(from, rootOf(copy), of));

describe('a tree on another host, and two targets', () => {
  test('are primed and kept current with one login, from one snapshot', async () => {
    const calm = { ...silentSuccess, logins: 1 };
    expect(await observed('prime', '-r')).toEqual(calm);
    await areSteady();
    await change();
    const { exitCode, stdout, logins } = await observed('run', '-r', '--dry-run');
    expect({ exitCode, logins }).toEqual({ exitCode: 0, logins: 1 });
    for (const path of paths) expect(stdout).toContain(`since ${source}${path}@`);
    expect(await observed('run', '-r')).toEqual(calm);
    await areSteady();
    await change();
    expect(await zferry('run', '-r', '--compress', 'zstd', '--rate', '50M')).toEqual(silentSuccess);
    await areSteady();
    for (const line of (await lines()).slice(-2)) {
      expect(line).toMatch(
        /^\S+ dst:\S+ replicated to \S+ successfully\. incremental .*\(4 datasets\)$/,
      );
    }
    await isQuiet(20);
  });

  test('a dataset in trouble keeps no other, and a target none', async () => {
    await change();
    const [near, far] = copies;
    if (near === undefined || far === undefined) throw new Error('no copies');
    const [, target, place] = near;
    // A change below a snapshot: only zfs receive sees it, in the middle of the others
    const file = `${target}/a`;
    await changeOn(src, file);
    await src.ok(sh`zfs snapshot ${`${file}@mine`}`);
    const { exitCode, stderr } = await zferry('run', '-r');
    expect(exitCode).toBe(3);
    expect(stderr).toContain(
      `zferry: error: ${place}: ${source}/a: ${file} on this host was changed`,
    );
    await areCurrent(far, paths);
    await areCurrent(near, ['', '/a/b c', '/d']);
    expect((await zferry('run', '-r', '--rollback')).exitCode).toBe(0);
    expect(await zferry('run', '-r')).toEqual(silentSuccess);
    await areSteady();
  });

  /** Starts a run that has 12 MiB to send, and answers when each copy has some of it. */
  const inTheMiddle = async (...options: readonly string[]) => {
    await change();
    await dst.ok(sh`head -c 12000000 /dev/urandom >/${`${source}/d`}/big`);
    const before = await Promise.all(
      copies.map(([host, target]) => property(host, `${target}/d`, 'used')),
    );
    const slow = ['--compress', 'none', '--rate', '400K'];
    const going = src.start(underCron(words('run', '-r', ...slow, ...options)));
    for (const [index, [host, target]] of copies.entries()) {
      await untilReceived(host, `${target}/d`, Number(before[index]) + 1_000_000, 100_000);
    }
    return going;
  };

  /** The first finishes what was begun, and another prunes what both took for the other's. */
  const areMended = async () => {
    for (let cycle = 0; cycle < 2; cycle += 1) {
      expect(await zferry('run', '-r')).toEqual(silentSuccess);
    }
    await areSteady();
  };

  test('that are cut off end the run in bounded time, and the next one mends them', async () => {
    const going = await inTheMiddle(...impatient);
    await wire.cut();
    onTestFinished(async () => wire.join());
    expect((await going.done).exitCode).toBe(1);
    await wire.join();
    await areMended();
    await isQuiet(20);
  });

  test.each(['TERM', 'KILL'])('are resumed after SIG%s', async (signal) => {
    const going = await inTheMiddle();
    await going.signal(signal);
    await going.done;
    for (const host of [dst, src]) await host.until('! pgrep -x zfs');
    for (const [host, target] of copies) {
      expect(await property(host, `${target}/d`, 'receive_resume_token')).not.toBe('-');
    }
    await areMended();
    // Nobody ends the connection of a run that was killed: it goes by itself, see below
    if (signal === 'TERM') await isQuiet(20);
  });

  test('whose login prints something are not misread', async () => {
    // Not to the tests, which come another way.
    const noise = `case $SSH_CONNECTION in ${src.address}\\ *) printf noise; printf more >&2;; esac`;
    await dst.ok('cp /root/.bashrc /root/.bashrc.kept');
    onTestFinished(async () => void (await dst.run('mv /root/.bashrc.kept /root/.bashrc')));
    await dst.write('/root/.bashrc', `${noise}\n`);
    await change();
    expect(await zferry('run', '-r')).toEqual(silentSuccess);
    await areSteady();
  });
});

describe('one dataset on another host, and two targets', () => {
  test('go on from one snapshot with one login; one that fails keeps no other', async () => {
    const calm = { ...silentSuccess, logins: 1 };
    await change();
    expect(await observed('run')).toEqual(calm);
    await areSteady(['']);
    const [near, far] = copies;
    if (near === undefined || far === undefined) throw new Error('no copies');
    await src.ok(sh`zfs set readonly=off ${near[1]}`);
    const logged = (await lines()).length;
    for (let cycle = 0; cycle < 2; cycle += 1) {
      await change();
      const { exitCode, stderr, logins } = await observed('run');
      expect({ exitCode, logins }).toEqual({ exitCode: 3, logins: 1 });
      expect(stderr).toContain(`zferry: error: ${near[2]}: ${near[1]} on this host is writable\n`);
      await areCurrent(far, ['']);
      expect((await snapshots(dst, source)).length).toBeLessThanOrEqual(2);
    }
    expect(await lines()).toHaveLength(logged + 4);
    await src.ok(sh`zfs set readonly=on ${near[1]}`);
    expect(await zferry('run')).toEqual(silentSuccess);
    await areSteady(['']);
  });

  test('one that is busy is skipped, and keeps no other', async () => {
    await dst.ok(sh`head -c 6000000 /dev/urandom >/${source}/big`);
    const [near = '', far = ''] = places;
    const slow = ['--log', log, '--compress', 'none', '--rate', '100K'];
    const going = src.start(underCron(['run', `dst:${source}`, near, ...slow]));
    await dst.until(sh`pgrep -f '^zfs send .*${source}@'`, 30_000);
    expect(await zferry('run')).toMatchObject({ exitCode: 4, stderr: '' });
    const [, copy] = copies;
    if (copy === undefined) throw new Error(far);
    await areCurrent(copy, ['']);
    await going.signal('TERM');
    await going.done;
    // What was interrupted first, then the new snapshot
    for (let cycle = 0; cycle < 2; cycle += 1) {
      expect(await zferry('run')).toEqual(silentSuccess);
    }
    await areSteady(['']);
  });

  test('where the host does not answer, each says so and nothing is touched', async () => {
    const before = await Promise.all(copies.map(([host, target]) => stateOf(host, target)));
    const gone = ['run', 'nosuchhost.invalid:tank/vm', ...places, '--log', log];
    const { exitCode, stderr } = await src.run(underCron(gone));
    expect(exitCode).toBe(1);
    for (const place of places) {
      expect(stderr).toContain(`zferry: error: ${place}: ssh: Could not resolve hostname`);
    }
    expect(await Promise.all(copies.map(([host, target]) => stateOf(host, target)))).toEqual(
      before,
    );
  });
});

// Half a minute after it at the latest
test('of the run that was killed nothing lives on', () => isQuiet(40));

describe('zferry doctor for a source on another host', () => {
  const doctor = async (...options: readonly string[]) => {
    const command = ['doctor', `dst:${source}`, places[0] ?? '', '--log', log, '--json'];
    return diagnosisOf(await src.run(underCron([...command, ...options])));
  };

  test('looks at both, and at each dataset of a tree', async () => {
    expect(await zferry('run', '-r')).toEqual(silentSuccess);
    const before = await stateOf(dst, source);
    const one = await doctor();
    expect(one).toMatchObject({ exitCode: 0, troubles: [] });
    expect(one.of['ssh source']?.seen).toMatch(/^dst is root@/);
    expect(one.of['zfs source']?.seen).toMatch(/on dst$/);
    expect(one.of['pool source']?.seen).toBe(`${dst.pool} on dst is ONLINE`);
    expect(one.of['base']?.seen).toContain(`${source}@zferry_`);
    const tree = await doctor('--recursive');
    expect(tree).toMatchObject({ exitCode: 0, troubles: [] });
    expect(tree.of['base']?.seen).toBe('all 4 datasets');
    expect(await stateOf(dst, source)).toBe(before);
  });

  test('names what is not well, dataset by dataset', async () => {
    const [, target = ''] = copies[0] ?? [];
    await src.ok(sh`zfs set readonly=off ${`${target}/a`}; zfs destroy -r ${`${target}/d`}`);
    const { exitCode, of, troubles } = await doctor('--recursive');
    expect(exitCode).toBe(3);
    expect(troubles.map((check) => `${check}: ${of[check]?.seen}`)).toEqual([
      `read-only: ${target}/a on this host is writable`,
      expect.stringMatching(`^base: ${target}/d on this host does not exist`),
    ]);
    const gone = await src.run(
      underCron(['doctor', 'nosuchhost.invalid:tank/vm', places[0] ?? '', '--log', log]),
    );
    expect(gone.exitCode).toBe(1);
    expect(gone.stdout).toMatch(/^bad {2}ssh source +ssh: Could not resolve hostname/m);
  });
});
