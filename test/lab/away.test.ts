import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import {
  by,
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
import { dst, src } from './support/host.ts';
import { during, impatient, untilReceived } from './support/interruption.ts';
import { countingLogins } from './support/logins.ts';
import { logTime, silentSuccess } from './support/outcome.ts';
import { guid, property, snapshots, stateOf } from './support/pair.ts';
import { isQuiet } from './support/quiet.ts';
import { quote, sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { volumeSum } from './support/volume.ts';
import { wire } from './support/wire.ts';

let one: Direction;
afterEach(async () => remove(one));

/** The source is on dst, the target here. */
const pulls = () => direction(src, [dst, by('dst')], [src, here]);
/** Both are on dst. */
const leadsThrough = () => direction(src, [dst, by('dst')], [dst, by('dst')]);

const observed = (...words: readonly string[]) =>
  countingLogins((tools) => zferry(one, words, tools));

const words = () => ({
  label: String.raw`zferry_\S+`,
  to: one.to === src ? one.target : 'dst',
});

describe.each([
  ['a source on another host', pulls, ['none', 'zstd', 'auto']],
  // The source's side is the same
  ['both on another host, through this one', leadsThrough, ['auto']],
])('%s', (_, make, compressors) => {
  test('have the snapshots of others carried over too', async () => {
    one = await make();
    const take = async (label: string) => {
      await writeMore(one, 1);
      await one.from.ok(sh`zfs snapshot ${`${one.source}@${label}`}`);
    };
    await take('h1');
    const include = ['--include-snapshots', 'h*'];
    expect(await zferry(one, ['prime', ...include])).toEqual(silentSuccess);
    await take('h2');
    await take('h3');
    expect(await zferry(one, ['run', ...include])).toEqual(silentSuccess);
    expect((await logged(one)).at(-1)).toMatch(/ \(2 snapshots carried over\)$/);
    expect(await snapshots(one.to, one.target)).toEqual(['h1', 'h2', 'h3', await isCurrent(one)]);
  });

  test('are primed and kept current with one login', async () => {
    one = await make();
    const calm = { ...silentSuccess, logins: 1 };
    expect(await observed('prime')).toEqual(calm);
    expect(await property(one.to, one.target, 'readonly')).toBe('on');
    await writeMore(one, 1);
    const { exitCode, stdout } = await observed('run', '--dry-run');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`would then destroy ${one.source}@`);
    expect(stdout).toMatch(/@\S+ on dst$/m);
    expect(await observed('run')).toEqual(calm);

    const label = await isCurrent(one);
    expect(await snapshots(dst, one.source)).toEqual([label]);
    expect((await logged(one)).at(-1)).toMatch(
      new RegExp(
        `^${logTime} dst:${one.source}@${label} replicated to ${words().to} successfully\\. incremental [0-9.]+ MiB in [0-9.]+ s$`,
      ),
    );
    for (const compress of compressors) {
      await writeMore(one, 1);
      const options = ['--compress', compress, '--sudo', '--rate', '50M'];
      expect(await zferry(one, ['run', ...options])).toEqual(silentSuccess);
    }
    await isCurrent(one);
    await isQuiet(20);
  });
});

describe('a source on another host', () => {
  test('is sent anew beside a replica, and forgets its target', async () => {
    one = await pulls();
    expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
    expect((await zferry(one, ['prime', '--replace'])).exitCode).toBe(0);
    await isCurrent(one);
    const { stdout } = await src.run(['zferry', 'forget', ...one.places].map(quote).join(' '));
    expect(stdout).toMatch(
      new RegExp(`^${one.source} has forgotten ${one.target} \\([0-9a-f]+\\)\n$`),
    );
    expect(await dst.ok(sh`zfs list -H -o name -t bookmark -r ${one.source}`)).toBe('');
    await isQuiet(20);
  });

  test('that is an encrypted volume goes raw, locked or not, and opens here with its key', async () => {
    const input = '0a'.repeat(32);
    one = await pulls();
    const [source, target] = [`${one.source}/disk`, one.target];
    const disk = { ...one, source, places: [`dst:${source}`, target] as const };
    await dst.ok(sh`zfs create -s -V 16M -o encryption=on -o keyformat=hex ${source}`, { input });
    await dst.ok(sh`udevadm settle; zfs unload-key ${source}`);
    expect(verdictOf(await zferry(disk, ['prime', '--decrypt']))).toEqual({
      exitCode: 3,
      error: `the key of ${source} is not loaded, and --decrypt needs it`,
      hint: `load it: ssh dst 'zfs load-key ${source}'`,
    });
    expect(await zferry(disk, ['prime'])).toEqual(silentSuccess);
    await dst.ok(sh`zfs load-key ${source} && udevadm settle`, { input });
    await dst.ok(sh`head -c 1000000 /dev/urandom >/dev/zvol/${source} && zpool sync ${dst.pool}`);
    expect(await zferry(disk, ['run'])).toEqual(silentSuccess);

    const label = (await snapshots(src, target)).at(-1) ?? '';
    expect(await guid(src, `${target}@${label}`)).toBe(await guid(dst, `${source}@${label}`));
    expect(await property(src, target, 'keystatus')).toBe('unavailable');
    await src.ok(sh`zfs load-key ${target}`, { input });
    expect(await volumeSum(src, `${target}@${label}`)).toBe(
      await volumeSum(dst, `${source}@${label}`),
    );
  });

  test('that is an encrypted filesystem goes raw while it is locked, and opens here with its key', async () => {
    const input = '0a'.repeat(32);
    one = await pulls();
    const [source, target] = [`${one.source}/secret`, one.target];
    const secret = { ...one, source, places: [`dst:${source}`, target] as const };
    await dst.ok(sh`zfs create -o encryption=on -o keyformat=hex ${source}`, { input });
    await writeMore(secret, 1);
    expect(await zferry(secret, ['prime'])).toEqual(silentSuccess);
    await writeMore(secret, 1);
    await dst.ok(sh`zfs unmount ${source} && zfs unload-key ${source}`);
    expect(await zferry(secret, ['run'])).toEqual(silentSuccess);

    expect(await property(src, target, 'keystatus')).toBe('unavailable');
    for (const [host, dataset] of [
      [src, target],
      [dst, source],
    ] as const) {
      await host.ok(sh`zfs load-key ${dataset}`, { input });
    }
    await isCurrent(secret);
  });

  const slowly = ['--rate', '1M', ...impatient] as const;

  /** Starts a prime of 12 MiB and answers in the middle of it. */
  const inTheMiddle = async (...options: readonly string[]) => {
    await writeMore(one, 12);
    const run = starts(one, ['prime', ...slowly, ...options]);
    await during(run, untilReceived(src, one.target, 3_000_000, 60_000));
    return run;
  };

  test('that is cut off ends the run in bounded time, and is resumed by the next', async () => {
    one = await pulls();
    const run = await inTheMiddle();
    const began = performance.now();
    await wire.cut();
    onTestFinished(async () => wire.join());
    const { exitCode, stderr } = await run.done;
    expect(performance.now() - began).toBeLessThan(20_000);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(
        /^zferry: error: (the connection to dst broke off|.*not responding.*)\n$/,
      ),
    });
    await wire.join();
    expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
    expect((await logged(one)).at(-1)).toContain('. resumed ');
    await isCurrent(one);
    await isQuiet(20);
  });

  test.each(['TERM', 'KILL'])('is resumed after SIG%s', async (signal) => {
    one = await pulls();
    const run = await inTheMiddle();
    expect((await zferry(one, ['prime'])).exitCode).toBe(4);
    await run.signal(signal);
    await run.done;
    for (const host of [dst, src]) await host.until('! pgrep -x zfs && ! pgrep -x lzop');
    expect(await property(src, one.target, 'receive_resume_token')).not.toBe('-');

    expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
    expect((await logged(one)).at(-1)).toContain('. resumed ');
    await isCurrent(one);
    // Nobody ends the connection of a run that was killed: it goes by itself, see below
    if (signal === 'TERM') await isQuiet(20);
  });

  test('whose login prints something is not misread', async () => {
    one = await pulls();
    // Not to the tests, which come another way.
    const noise = `case $SSH_CONNECTION in ${src.address}\\ *) printf noise; printf more >&2;; esac`;
    await dst.ok('cp /root/.bashrc /root/.bashrc.kept');
    onTestFinished(async () => void (await dst.run('mv /root/.bashrc.kept /root/.bashrc')));
    await dst.write('/root/.bashrc', `${noise}\n`);
    expect(await src.ok('ssh dst true 2>&1')).toContain('noise');
    expect(await zferry(one, ['prime'])).toEqual(silentSuccess);
    await writeMore(one, 1);
    expect(await zferry(one, ['run', '--compress', 'none'])).toEqual(silentSuccess);
    await isCurrent(one);
  });

  test('that cannot take part is refused with the way out', async () => {
    one = await pulls();
    const tell = async (source: string, ...more: readonly string[]) =>
      verdictOf(await zferry({ ...one, places: [source, one.places[1]] }, ['run', ...more]));
    const before = await stateOf(dst, one.source);

    expect(await tell(`dst:${one.source}/gone`)).toEqual({
      exitCode: 3,
      error: `${one.source}/gone does not exist on dst`,
      hint: `see what there is: ssh dst 'zfs list -r ${dst.pool}'`,
    });
    const gone = await tell('dst:nopool/vm');
    expect(gone).toEqual({
      exitCode: 1,
      error: 'the pool nopool is not imported on dst',
      hint: "ssh dst 'zpool import nopool'",
    });
    expect(await tell('nosuchhost.invalid:tank/vm')).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('nosuchhost.invalid'),
    });
    // One host by two names.
    await src.write('/root/.ssh/config', `Host nas\n  HostName ${dst.address}\n`);
    onTestFinished(async () => void (await src.run('rm -f /root/.ssh/config')));
    const onto = async (target: string, ...options: readonly string[]) => {
      const places = [one.places[0], `nas:${target}`] as const;
      return verdictOf(await zferry({ ...one, places }, ['prime', ...options]));
    };
    const refused = {
      exitCode: 3,
      hint: 'both are one host; name another dataset or another host',
    };
    expect(await onto(`${one.source}/copy`)).toEqual({
      ...refused,
      error: `${one.source}/copy on nas is inside its own source ${one.source}`,
    });
    expect(await onto(one.source, '--replace')).toEqual({
      ...refused,
      error: `${one.source} on nas is the source itself`,
    });
    expect(await stateOf(dst, one.source)).toBe(before);
  });
});

// Half a minute after it at the latest
test('of the run that was killed nothing lives on', () => isQuiet(40));
