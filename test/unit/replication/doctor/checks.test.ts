import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTarget } from '../../../../src/hosts/place.ts';
import { programOf } from '../../../../src/hosts/questions.ts';
import { quoted } from '../../../../src/hosts/words.ts';
import {
  consultation,
  type HostFacts,
  parseHostFacts,
} from '../../../../src/replication/doctor/host-facts.ts';
import { checkSsh, parseSshSettings } from '../../../../src/replication/doctor/ssh.ts';
import {
  checkClock,
  checkMountpoint,
  checkReadOnly,
  checkSpace,
} from '../../../../src/replication/doctor/target.ts';
import {
  checkCrontab,
  checkLock,
  checkLog,
  checkPrograms,
  cronLines,
} from '../../../../src/replication/doctor/this-host.ts';
import { checkFeatures, checkZfs, type Side } from '../../../../src/replication/doctor/zfs.ts';
import type { Pair } from '../../../../src/replication/request.ts';
import { parseDatasetName } from '../../../../src/zfs/names.ts';
import { remotePlace, request, source } from '../../support/pair.ts';
import { posixShells, runIn } from '../../support/shells.ts';

const pool = parseDatasetName('pool');
const vm = parseDatasetName('pool/vm');

// As the lab's dst answers, shortened.
const answer = `now 1795290000
uid 0
user root
groups root backup
has zfs
section version
zfs-2.3.9-0+deb13u1
zfs-kmod-2.3.9-0+deb13u1
section allowed
section properties
pool	type	filesystem
pool	available	1000000
pool/vm	type	filesystem
pool/vm	readonly	on
pool/vm	available	500000
section mounts
pool	on	yes	/pool
pool/vm	noauto	no	/pool/vm
section pool
ONLINE	off
section features
feature@bookmarks	enabled
feature@large_blocks	active`;

const factsOf = (text: string): HostFacts => parseHostFacts(text.split('\n'), false);

const sideOf = (text: string, side: Side['side'] = 'there'): Side => ({
  side,
  where: 'on backup',
  pool,
  facts: factsOf(text),
  command: (...words) => words.join(' '),
});

describe('the program that asks', () => {
  test('has no character that a login shell reads inside single quotes', () => {
    expect(programOf(consultation)).toMatch(/^[\t\x20-\x7e]+$/);
    expect(quoted(programOf(consultation))).toBe(`'${programOf(consultation)}'`);
  });

  test.each(posixShells)('is one that %s can parse', (shell) => {
    expect(runIn('sh', `${shell} -n -c ${quoted(programOf(consultation))}`).status).toBe(0);
  });

  test('may be answered by any lines whatever', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.boolean(), (lines, sudo) => {
        expect(parseHostFacts(lines, sudo).isRoot).toBe(lines.includes('uid 0'));
      }),
    );
  });
});

describe('zfs and the pool', () => {
  const levels = (text: string) => checkZfs(sideOf(text)).map(({ level }) => level);

  test.each([
    ['as they should be', answer, ['ok', 'ok']],
    ['too old', answer.replaceAll('-2.3.9', '-0.7.13'), ['bad', 'ok']],
    [
      'too old to tell',
      answer.replace(/^zfs-2.*\n/m, '').replace('-2.3.9', '-0.7.13'),
      ['bad', 'ok'],
    ],
    ['of two versions', answer.replace('kmod-2.3.9', 'kmod-2.2.7'), ['warn', 'ok']],
    ['that does not tell', answer.replaceAll(/^zfs-.*\n/gm, ''), ['warn', 'ok']],
    ['that is not there', answer.replace('has zfs\n', ''), ['bad']],
    ['degraded', answer.replace('ONLINE', 'DEGRADED'), ['ok', 'warn']],
    ['suspended', answer.replace('ONLINE', 'SUSPENDED'), ['ok', 'bad']],
    ['read-only', answer.replace('ONLINE\toff', 'ONLINE\ton'), ['ok', 'bad']],
    ['not imported', answer.replace('ONLINE\toff\n', ''), ['ok', 'bad']],
  ])('%s', (_, text, expected) => {
    expect(levels(text)).toEqual(expected);
  });

  test.each([
    ['features that both have', answer, 'ok'],
    [
      'one that the source only uses elsewhere',
      answer.replace('blocks\tactive', 'blocks\tdisabled'),
      'warn',
    ],
  ])('%s', (_, there, level) => {
    expect(checkFeatures(sideOf(answer, 'here'), sideOf(there), vm).level).toBe(level);
  });

  test('no bookmarks on the source', () => {
    const here = sideOf(answer.replace('bookmarks\tenabled', 'bookmarks\tdisabled'), 'here');
    expect(checkFeatures(here, sideOf(answer), vm)).toMatchObject({
      level: 'bad',
      hint: 'zpool set feature@bookmarks=enabled pool',
    });
  });
});

describe('the replica', () => {
  const own = 'pool/vm\tnoauto\tno\t/pool/vm';

  test.each([
    ['not mounted by itself', own, 'ok'],
    ['mounted by the next start', 'pool/vm\ton\tno\t/pool/vm', 'warn'],
    ['mounted over another', 'pool/vm\ton\tno\t/pool', 'bad'],
    ['that would collide once it is used', 'pool/vm\tnoauto\tno\t/pool', 'warn'],
    ['without a mountpoint', 'pool/vm\tnoauto\tno\tnone', 'ok'],
    ['not there', '', 'ok'],
  ])('%s', (_, line, level) => {
    expect(checkMountpoint(sideOf(answer.replace(own, line)), vm).level).toBe(level);
  });

  test('writable is for a person to decide', () => {
    expect(checkReadOnly(sideOf(answer), vm).level).toBe('ok');
    const writable = sideOf(answer.replace('readonly\ton', 'readonly\toff'));
    expect(checkReadOnly(writable, vm)).toMatchObject({ level: 'bad', decide: true });
  });

  test.each([
    [100_000, 1, 'ok'],
    [480_000, 1, 'warn'],
    [600_000, 1, 'bad'],
    [600_000, 2, 'warn'],
    [undefined, 1, 'ok'],
  ])('%s bytes stored %s times smaller, into 500,000: %s', (bytes, ratio, level) => {
    expect(checkSpace(sideOf(answer), vm, pool, { bytes, ratio }).level).toBe(level);
  });

  test('a clock is off by what no waiting explains', () => {
    const seen = (now: number) => checkClock('on backup', now, 1_000_000, 1_010_000);
    expect(seen(1_004)).toMatchObject({ level: 'ok', seen: 'agrees with that on backup' });
    expect(seen(1_015)).toMatchObject({ level: 'ok', seen: 'that on backup is 5 s ahead' });
    expect(seen(900)).toMatchObject({ level: 'warn', seen: 'that on backup is 100 s behind' });
    fc.assert(
      fc.property(fc.nat(), fc.nat(100_000), fc.nat(100_000), (asked, waited, later) => {
        const now = Math.floor((asked + Math.min(waited, later)) / 1_000);
        expect(checkClock('there', now, asked, asked + waited).seen).toBe('agrees with that there');
      }),
    );
  });
});

describe('ssh', () => {
  const host = remotePlace('backup').host;
  const settings = parseSshSettings(
    'user root\nhostname 10.0.0.1\nport 22\nstricthostkeychecking ask',
  );
  const facts = { host, settings, problem: undefined, hungMaster: undefined };

  test('is told by the way that it went', () => {
    const trace = [
      'debug1: Server host key: ssh-ed25519 SHA256:abc',
      'debug1: Found key in /root/.ssh/known_hosts:2',
      'debug1: Server accepts key: /root/.ssh/id_ed25519 ED25519 SHA256:def',
      'Authenticated to backup ([10.0.0.1]:22) using "publickey".',
    ];
    expect(checkSsh({ ...facts, trace }).map(({ seen }) => seen)).toEqual([
      'backup is root@10.0.0.1 port 22, key /root/.ssh/id_ed25519',
      'ssh-ed25519, known (/root/.ssh/known_hosts:2)',
      'none',
    ]);
  });
});

describe('this host', () => {
  const pair = { source, target: remotePlace('backup:pool/vm') };
  const self = { self: '/usr/local/bin/zferry', runsCron: true };
  const look = (changes: Parameters<typeof request>[0], text: string) =>
    checkCrontab(request({ pair, ...changes }), cronLines('crontab -l', text), self);
  const found = (text: string) => look({}, text).level;

  test.each([
    ['*/5 * * * * /usr/local/bin/zferry tank/vm backup:pool/vm', 'ok'],
    ["@hourly /usr/local/bin/zferry run --keep 3 'tank/vm' backup:pool/vm >/dev/null", 'ok'],
    ['*/5 * * * * root /usr/local/bin/zferry tank/vm backup:pool/vm', 'ok'],
    ['PATH=/usr/local/bin:/bin\n* * * * * zferry tank/vm backup:pool/vm', 'ok'],
    ['* * * * * zferry tank/vm backup:pool/vm', 'bad'],
    ['# * * * * * /usr/local/bin/zferry tank/vm backup:pool/vm', 'warn'],
    ['* * * * * /usr/local/bin/zferry tank/vm2 backup:pool/vm', 'warn'],
    ['* * * * * /usr/local/bin/other tank/vm backup:pool/vm', 'warn'],
    ['', 'warn'],
  ])('a crontab of %j', (text, level) => {
    expect(found(text)).toBe(level);
  });

  test('a crontab without it: the hint has the words without which it would not work', () => {
    const tree = { exclude: [], maxDepth: undefined, parallel: 1 };
    expect(look({ tree, sudo: true }, '').hint).toBe(
      "(crontab -l; echo '*/5 * * * * /usr/local/bin/zferry run --recursive --sudo tank/vm backup:pool/vm') | crontab -",
    );
  });

  test('a crontab that nobody reads', () => {
    const lines = cronLines('x', '* * * * * /usr/local/bin/zferry tank/vm backup:pool/vm');
    expect(checkCrontab(request(), lines, { ...self, runsCron: false }).level).toBe('bad');
  });

  test('a lock whose run is gone is held by what it left behind', () => {
    const holder = { pid: 4711, started: '2026-11-21T08:00:00Z' };
    expect(checkLock(holder, () => true).level).toBe('warn');
    expect(checkLock(holder, () => false).level).toBe('bad');
    expect(checkLock('unknown', () => true).level).toBe('warn');
  });

  test.each([
    ['2026-11-21T08:05:02Z tank/vm@a replicated to backup successfully. full', 'ok'],
    ['2026-11-21T08:05:02Z tank/vm@a failed to replicate to backup! ERROR! x', 'warn'],
    ['2026-11-21T08:05:02Z tank/vm2@a failed to replicate to backup! ERROR! x', 'ok'],
    ['2026-11-21T08:05:02Z tank/vm@a failed to replicate to backup2! ERROR! x', 'ok'],
    ['{"result":"failed","source":"tank/vm","target":"backup:pool/vm","host":"backup"}', 'warn'],
  ])('a log that ends with %s', (line, level) => {
    expect(checkLog(pair, { file: 'log', problem: undefined, tail: [line] }).level).toBe(level);
  });

  test.each([
    ['nas:tank/vm@a failed to replicate to backup! ERROR! ssh: no', 'warn'],
    ['tank/vm@a failed to replicate to backup! ERROR! ssh: no', 'ok'],
  ])('a log of a source on another host: %s', (words, level) => {
    const away = { ...pair, source: remotePlace('nas:tank/vm') };
    const tail = [`2026-11-21T08:52:49Z ${words}`];
    expect(checkLog(away, { file: 'log', problem: undefined, tail }).level).toBe(level);
  });

  test.each([
    ['"source":"tank/vm","sourceHost":"nas","target":"backup:pool/vm"', 'warn'],
    ['"source":"tank/vm","target":"backup:pool/vm"', 'ok'],
  ])('its JSON log: %s', (fields, level) => {
    const away = { ...pair, source: remotePlace('nas:tank/vm') };
    const tail = [`{"result":"failed",${fields},"host":"backup"}`];
    expect(checkLog(away, { file: 'log', problem: undefined, tail }).level).toBe(level);
  });

  test('programs that are missing', () => {
    const lacking = (name: string, of: Pair = pair) =>
      checkPrograms(of, (program) => program !== name).level;
    expect(['ssh', 'flock', 'setpriv'].map((name) => lacking(name))).toEqual([
      ...['bad', 'bad', 'warn'],
    ]);
    expect(lacking('ssh', { source, target: parseTarget('usb/vm', source) })).toBe('ok');
  });
});
