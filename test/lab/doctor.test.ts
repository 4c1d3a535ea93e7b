import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { change } from './support/change.ts';
import { type Diagnosis, diagnosisOf } from './support/diagnosis.ts';
import { dst, type Host, src } from './support/host.ts';
import { diesInTheMiddle, nothingIsLeft, writeLongStream } from './support/interruption.ts';
import { liar } from './support/liar.ts';
import { changingNothing } from './support/outcome.ts';
import {
  freshPair,
  type Pair,
  primedPair,
  underCron,
  unused,
  writeBigFile,
} from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { without } from './support/programs.ts';
import { sh } from './support/quote.ts';
import { follow } from './support/refusal.ts';
import { startSlowCycle } from './support/slow.ts';
import { asUser, giveKey, makeUser, senderAllow } from './support/user.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

let pair: Pair;
beforeAll(async () => {
  pair = await primedPair();
});
afterAll(async () => pair.remove());

const diagnose = async (act: () => ReturnType<Host['run']>): Promise<Diagnosis> =>
  diagnosisOf(await changingNothing(pair, act));

/** `zferry doctor` of the pair; `target` is another place for it. */
const doctor = (options: readonly string[] = [], target = pair.place): Promise<Diagnosis> =>
  diagnose(() => pair.zferry('doctor', pair.source, target, '--json', ...options));

const option = (text: string) => ['--ssh-option', text];

test('a pair that is well has one line a check, and nothing is changed on either host', async () => {
  const state = (host: Host) =>
    host.ok(
      sh`zpool sync ${host.pool}; zpool history -i ${host.pool} | sed 1d; zfs list -Hp -t all -o name,guid,used; ls /run/zferry /var/log 2>/dev/null || true`,
    );
  const before = await Promise.all([state(src), state(dst)]);
  const { exitCode, stdout, stderr } = await pair.zferry('doctor', pair.source, pair.place);
  expect(await Promise.all([state(src), state(dst)])).toEqual(before);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => line.slice(0, 19).trim())).toEqual([
    ...['ok   programs', 'ok   ssh', 'ok   host key', 'ok   ControlMaster', 'ok   clock'],
    ...['ok   zfs here', 'ok   pool here', 'ok   rights here'],
    ...['ok   zfs there', 'ok   pool there', 'ok   rights there', 'ok   features'],
    ...['ok   compressor', 'ok   read-only', 'ok   mountpoint', 'ok   space', 'ok   base'],
    ...['ok   token', 'ok   lock', 'warn crontab', 'hint: (crontab', 'ok   log'],
  ]);
});

describe('what is wrong with ssh is one line', () => {
  test.each([
    [
      'a host that nobody knows',
      [],
      'root@nosuchhost',
      'ssh',
      /^ssh: Could not resolve hostname nosuchhost: /,
      'ssh -- root@nosuchhost true',
    ],
    [
      'a user who may not log in',
      [],
      'nobody@dst',
      'ssh',
      /: Permission denied \(publickey\)/,
      'ssh-copy-id -- nobody@dst',
    ],
    [
      'a host key that is not known',
      option('UserKnownHostsFile=/dev/null'),
      undefined,
      'host key',
      /^Host key verification failed/,
      'ssh -- dst true',
    ],
  ] as const)('%s', async (_, options, target, check, seen, hint) => {
    const { exitCode, of, troubles } = await doctor(options, target);
    expect({ exitCode, troubles }).toEqual({ exitCode: 1, troubles: [check] });
    expect(of[check]).toMatchObject({
      level: 'bad',
      seen: expect.stringMatching(seen),
      hint: expect.stringContaining(hint),
    });
  });

  test('host keys that are not looked at, and the clock of the other host', async () => {
    const liar = '#!/bin/sh\nexpr $(/usr/bin/date +%s) + 3600\n';
    const { name, home, remove } = await makeUser(dst, {
      ...{ shell: '/bin/bash' },
      files: { '.bashrc': 'PATH=$HOME/bin:$PATH\n', 'bin/date': liar },
    });
    cleanups.push(remove);
    await dst.ok(sh`chmod 755 ${`${home}/bin/date`}`);
    const { of } = await doctor(option('StrictHostKeyChecking=no'), pair.at(`${name}@dst`));
    expect(of['host key']).toMatchObject({
      level: 'warn',
      hint: expect.stringContaining('StrictHostKeyChecking'),
    });
    expect(of['clock']).toMatchObject({
      level: 'warn',
      seen: expect.stringMatching(/^that on dst is 3(59\d|60\d) s ahead$/),
    });
  });

  test('a ControlMaster that does not answer, with the command that ends it', async () => {
    await src.write('/root/.ssh/config', 'Host dst\n  ControlPath /run/lab-master\n');
    cleanups.push(() => src.ok('rm -f /root/.ssh/config /run/lab-master'));
    await src.ok('ssh -fNM dst </dev/null >/dev/null 2>&1');
    const [pid = ''] = /\d+/.exec(await src.ok('ssh -O check dst 2>&1')) ?? [];
    cleanups.push(() => src.run(sh`kill -KILL ${pid}`));
    const well = await doctor();
    expect(well.of['ControlMaster']).toEqual({
      level: 'ok',
      seen: 'shared, through /run/lab-master',
    });
    await src.ok(sh`kill -STOP ${pid}`);
    const { of, exitCode } = await doctor(['--stall', '10s']);
    expect({ exitCode, ...of['ControlMaster'] }).toMatchObject({
      ...{ exitCode: 0, level: 'warn', hint: 'ssh -O exit -- dst' },
    });
  });
});

describe('what is wrong on the target host is one line', () => {
  test('no zfs, no pool, no compressor', async () => {
    const noZfs = await without(dst, ['zfs'], () =>
      pair.zferry('doctor', pair.source, pair.place, '--json'),
    );
    expect(diagnosisOf(noZfs)).toMatchObject({ exitCode: 1, troubles: ['zfs there'] });
    const noPool = await doctor([], 'dst:nopool/vm');
    expect(noPool).toMatchObject({ exitCode: 1, troubles: ['pool there'] });
    expect(noPool.of['pool there']?.hint).toBe("ssh dst 'zpool import nopool'");
    const noLzop = await without(dst, ['lzop'], () => doctor());
    expect(noLzop.of['compressor']).toMatchObject({
      level: 'warn',
      seen: 'not compressed: no lzop on dst',
    });
    const noZstd = await without(dst, ['zstd'], () => doctor(['--compress', 'zstd']));
    expect(noZstd).toMatchObject({ exitCode: 1, troubles: ['compressor'] });
  });

  test('a zfs from before 0.8, which cannot tell its version itself', async () => {
    const told = '/sys/module/zfs/version';
    await dst.write('/run/lab-version', '0.7.13-1\n');
    await dst.ok(sh`mount --bind /run/lab-version ${told}`);
    cleanups.push(() => dst.ok(sh`umount ${told}; rm /run/lab-version`));
    const zfs = 'case $1 in version) echo "unrecognized command" >&2; exit 2;; esac';
    const { exitCode, of, troubles } = await doctor(await liar({ zfs }));
    expect({ exitCode, troubles }).toEqual({ exitCode: 1, troubles: ['zfs there'] });
    expect(of['zfs there']).toEqual({
      level: 'bad',
      seen: 'zfs-0.7.13-1 on dst is too old',
      hint: 'install OpenZFS 0.8 or newer',
    });
  });

  test('a user without rights, here and there, and without sudo; the hints give them', async () => {
    const here = await makeUser(src, { hasKey: false });
    cleanups.push(here.remove);
    await giveKey(here);
    const there = await makeUser(dst);
    cleanups.push(there.remove);
    const words = ['doctor', pair.source, pair.at(`${there.name}@dst`), '--json'];
    const ask = (...options: readonly string[]) =>
      diagnose(() => src.run(asUser(here, [...words, ...options])));
    const lacking = await ask();
    expect(lacking).toMatchObject({ exitCode: 1, troubles: ['rights here', 'rights there'] });
    const command = (hint = '') => hint.slice(hint.indexOf(': ') + 2);
    expect(command(lacking.of['rights here']?.hint)).toBe(senderAllow(here.name, pair.source));
    await src.ok(command(lacking.of['rights here']?.hint));
    await dst.ok(command(lacking.of['rights there']?.hint));
    expect(await ask()).toMatchObject({ exitCode: 0, troubles: [] });
    const noSudo = await ask('--sudo');
    expect(noSudo.of['rights here']?.hint).toContain(`${here.name} ALL=(root) NOPASSWD: `);
  });

  test('a replica that is writable, that mounts where another one does, that has no room', async () => {
    const rival = unused(dst);
    await dst.ok(sh`zfs create -o canmount=noauto ${rival}`);
    cleanups.push(() => dst.ok(sh`zfs destroy ${rival}`));
    await dst.ok(
      sh`zfs set readonly=off ${pair.target} && zfs set canmount=on ${pair.target} && zfs set mountpoint=/mnt/x ${rival} && zfs set canmount=on ${rival} && zfs set mountpoint=/mnt/x ${pair.target}`,
    );
    await writeBigFile(pair.source, 'big', 8);
    await src.ok(sh`zpool sync ${src.pool}`);
    await dst.ok(sh`zfs set quota=6M ${pair.target}`);
    const { exitCode, of, troubles } = await doctor();
    await dst.ok(sh`zfs set quota=none ${pair.target}`);
    expect({ exitCode, troubles }).toEqual({
      exitCode: 3,
      troubles: ['read-only', 'mountpoint', 'space'],
    });
    expect(of['mountpoint']?.seen).toContain(`mounts at /mnt/x, and so does ${rival}`);
    await follow(of['read-only']?.hint);
    await follow(of['mountpoint']?.hint);
    await dst.ok(sh`zfs inherit mountpoint ${pair.target}`);
    expect(await doctor()).toMatchObject({ exitCode: 0, troubles: [] });
  });

  test('a pool that does not know large blocks', async () => {
    const pool = await smallPool(dst, 'nolarge', 100);
    const file = `${dst.vdevs}/${pool}.pool`;
    await dst.ok(sh`zpool destroy ${pool} && zpool create -d -m none ${pool} ${file}`);
    await src.ok(sh`zfs set recordsize=1M ${pair.source}`);
    const { of } = await doctor([], `dst:${pool}/vm`);
    await src.ok(sh`zfs inherit recordsize ${pair.source}`);
    expect(of['features']).toMatchObject({
      level: 'bad',
      hint: `ssh dst 'zpool set feature@large_blocks=enabled ${pool}'`,
    });
    await follow(of['features']?.hint);
    expect((await doctor([], `dst:${pool}/vm`)).of['features']?.level).toBe('ok');
  });
});

describe('what is wrong between the two is one line', () => {
  test('not primed, changed, without a base, without a source', async () => {
    const missing = await doctor([], `dst:${pair.target}/new`);
    expect(missing).toMatchObject({ exitCode: 3, troubles: ['base'] });
    const other = await freshPair();
    cleanups.push(other.remove);
    const ask = (source: string) =>
      diagnose(() => pair.zferry('doctor', source, `dst:${pair.target}`, '--json'));
    const foreign = await ask(other.source);
    expect(foreign).toMatchObject({ exitCode: 3, troubles: ['base'] });
    expect(foreign.of['base']?.hint).toContain('zferry prime --replace ');
    const gone = await ask(`${other.source}x`);
    expect(gone).toMatchObject({ exitCode: 3 });
    expect(gone.of['source']?.seen).toContain('does not exist');
    await change(pair);
    const changed = await doctor();
    expect(changed).toMatchObject({ exitCode: 3, troubles: ['base'] });
    expect(changed.of['base']?.hint).toContain('zferry run --rollback ');
    expect((await pair.cycle('--rollback')).exitCode).toBe(0);
  });

  test('a run at work, and a stream that broke off, which the next cycle goes on with', async () => {
    const cycle = await startSlowCycle(pair, 15);
    const busy = diagnosisOf(await pair.zferry('doctor', pair.source, pair.place, '--json'));
    expect(busy.of['lock']).toMatchObject({
      level: 'warn',
      hint: `if it should not be: kill ${cycle.pid}`,
    });
    await cycle.signal('KILL');
    await cycle.done;
    await nothingIsLeft();
    const after = await doctor();
    expect(after).toMatchObject({ exitCode: 0 });
    expect(after.of['lock']?.level).toBe('ok');
    expect(after.of['token']).toMatchObject({
      level: 'warn',
      seen: expect.stringContaining('the next cycle goes on with it'),
    });
    expect((await pair.cycle()).exitCode).toBe(0);
  });

  test('a first send that broke off and cannot go on is for a person', async () => {
    const broken = await freshPair();
    cleanups.push(broken.remove);
    await writeLongStream(broken.source);
    await diesInTheMiddle(broken, 'prime');
    await src.ok(sh`zfs destroy ${`${broken.source}@%`}`);
    const { exitCode, of } = await diagnose(() =>
      broken.zferry('doctor', broken.source, broken.place, '--json'),
    );
    expect({ exitCode, ...of['token'] }).toMatchObject({
      ...{ exitCode: 3, level: 'bad' },
      hint: expect.stringContaining('zferry prime --abort-partial'),
    });
  });
});

describe('what is wrong on this host is one line', () => {
  const crontab = async (line: string) => {
    await src.ok('crontab -', { input: `${line}\n` });
    return (await doctor()).of['crontab'];
  };

  test('a crontab without the full path, without cron, and one that is well', async () => {
    cleanups.push(() => src.ok('crontab -r'));
    expect(await crontab(`* * * * * zferry ${pair.source} ${pair.place}`)).toMatchObject({
      ...{ level: 'bad', hint: 'write the full path there: /usr/local/bin/zferry' },
    });
    // Nobody else may be replicating it meanwhile: once a year.
    const line = `0 0 1 1 * /usr/local/bin/zferry ${pair.source} ${pair.place}`;
    expect(await crontab(line)).toEqual({ level: 'ok', seen: `crontab -l: ${line}` });
    expect((await crontab(`${line}\n${line}`))?.level).toBe('warn');
  });

  test('a log that cannot be written, and one whose last cycle failed', async () => {
    const words = ['doctor', pair.source, pair.place, '--json', '--log', '/nowhere/zferry.log'];
    const { of, exitCode } = await diagnose(() => src.run(underCron(words)));
    expect({ exitCode, ...of['log'] }).toMatchObject({ exitCode: 1, level: 'bad' });
    await pair.cycle('--ssh-option', 'Port=2');
    expect((await doctor()).of['log']).toMatchObject({
      level: 'warn',
      seen: expect.stringContaining('failed to replicate to dst! ERROR! ssh: connect'),
    });
  });

  test('a program that is missing', async () => {
    const { exitCode, of } = await without(src, ['flock'], () => doctor());
    expect({ exitCode, ...of['programs'] }).toMatchObject({
      exitCode: 1,
      level: 'bad',
      hint: 'apt install util-linux',
    });
  });
});

test('wrong words are exit 2', async () => {
  const { exitCode, stderr } = await pair.zferry('doctor', pair.source);
  expect({ exitCode, stderr }).toEqual({
    exitCode: 2,
    stderr: "zferry: error: missing required argument 'target'\nzferry: hint: see zferry --help\n",
  });
});
