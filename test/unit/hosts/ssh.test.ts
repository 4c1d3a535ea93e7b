import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RemoteHost } from '../../../src/hosts/place.ts';
import { sshCommand } from '../../../src/hosts/ssh.ts';
import { oneIn } from '../support/arbitraries.ts';

const backup: RemoteHost = { kind: 'remote', user: undefined, name: 'backup', port: undefined };

/** The values of -o, in their order: ssh takes the first that it meets for each setting. */
const optionsOf = (argv: readonly string[]): string[] =>
  argv.filter((_word, index) => argv[index - 1] === '-o');

const firstValue = (argv: readonly string[], name: string): string | undefined =>
  optionsOf(argv)
    .map((option) => option.split('='))
    .find(([key]) => key?.toLowerCase() === name.toLowerCase())?.[1];

describe('the ssh command', () => {
  test('asks nothing, forwards nothing and runs no other command, whatever the options say', () => {
    const options = [
      ...['BatchMode=no', 'RemoteCommand=reboot', 'ClearAllForwardings=no'],
      ...['PermitLocalCommand=yes', 'ControlMaster=auto'],
    ];
    const argv = sshCommand(backup, 'true', new Set(), options);
    expect(argv.slice(0, 2)).toEqual(['ssh', '-T']);
    expect(firstValue(argv, 'BatchMode')).toBe('yes');
    expect(firstValue(argv, 'RemoteCommand')).toBe('none');
    expect(firstValue(argv, 'ClearAllForwardings')).toBe('yes');
    expect(firstValue(argv, 'PermitLocalCommand')).toBe('no');
    expect(firstValue(argv, 'ControlMaster')).toBe('no');
  });

  test('keeps a connection only where it is to, at the place and for the time that it is told', () => {
    const options = ['ControlPersist=1', 'ControlMaster=yes'];
    const kept = { socket: '/run/zferry/ssh/x', seconds: 600 };
    const argv = sshCommand(backup, 'true', new Set(), options, kept);
    expect(firstValue(argv, 'ControlMaster')).toBe('auto');
    expect(firstValue(argv, 'ControlPersist')).toBe('600');
    expect(firstValue(argv, 'ControlPath')).toBe('/run/zferry/ssh/x');
    const theirs = sshCommand(backup, 'true', new Set(), [], { ...kept, socket: undefined });
    expect(firstValue(theirs, 'ControlMaster')).toBe('auto');
    expect(firstValue(theirs, 'ControlPath')).toBeUndefined();
    expect(firstValue(sshCommand(backup, 'true', new Set(), []), 'ControlPersist')).toBeUndefined();
  });

  test("has what is fixed first, then the user's options, then the defaults", () => {
    const options = optionsOf(sshCommand(backup, 'true', new Set(), ['Port=2222', 'User=x']));
    const places = ['ControlMaster=no', 'Port=2222', 'User=x', 'ConnectTimeout=10'].map((option) =>
      options.indexOf(option),
    );
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  test('ends a dead connection in bounded time by default', () => {
    const argv = sshCommand(backup, 'true', new Set(), []);
    expect(firstValue(argv, 'ConnectTimeout')).toBe('10');
    expect(firstValue(argv, 'ServerAliveInterval')).toBe('15');
    expect(firstValue(argv, 'ServerAliveCountMax')).toBe('4');
  });

  test('gives way to a time-out of the command line', () => {
    const argv = sshCommand(backup, 'true', new Set(), ['connecttimeout=3']);
    expect(firstValue(argv, 'ConnectTimeout')).toBe('3');
  });

  test('leaves a default out when the configuration sets it, and only that one', () => {
    const argv = sshCommand(backup, 'true', new Set(['connecttimeout', 'user']), []);
    expect(firstValue(argv, 'ConnectTimeout')).toBeUndefined();
    expect(firstValue(argv, 'ServerAliveInterval')).toBe('15');
    const none = sshCommand(
      backup,
      'true',
      new Set(['connecttimeout', 'serveraliveinterval', 'serveralivecountmax']),
      [],
    );
    expect(optionsOf(none)).toHaveLength(5);
  });

  test('takes back what the configuration sets that would take away its input or its words', () => {
    const set = new Set(['stdinnull', 'loglevel']);
    const argv = sshCommand(backup, 'true', set, []);
    expect(firstValue(argv, 'StdinNull')).toBe('no');
    expect(firstValue(argv, 'LogLevel')).toBe('INFO');
    expect(firstValue(argv, 'SessionType')).toBeUndefined();
    expect(firstValue(sshCommand(backup, 'true', new Set(), []), 'StdinNull')).toBeUndefined();
  });

  test('ends with --, the destination and the one remote command, so that no name is an option', () => {
    const host: RemoteHost = { kind: 'remote', user: 'root', name: '::1', port: 2222 };
    const argv = sshCommand(host, "sh -c 'x' y", new Set(), []);
    expect(argv.slice(-5)).toEqual(['-p', '2222', '--', 'root@::1', "sh -c 'x' y"]);
    expect(sshCommand(backup, 'true', new Set(), [])).not.toContain('-p');
  });

  test('keeps each option of the command line one word behind its own -o', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (options) => {
        const argv = sshCommand(backup, 'true', new Set(), options);
        const [program, flag, ...rest] = argv;
        const given = rest.slice(0, rest.lastIndexOf('--'));
        expect([program, flag]).toEqual(['ssh', '-T']);
        expect(given.filter((_word, index) => index % 2 === 0)).toEqual(
          Array.from({ length: given.length / 2 }, () => '-o'),
        );
        const values = given.filter((_word, index) => index % 2 === 1);
        expect(values.slice(5, 5 + options.length)).toEqual(options);
      }),
    );
  });
});

/** What ssh itself makes of a command line, with no configuration but that. */
const readBySsh = ([, ...words]: readonly string[]): ReadonlyMap<string, string> => {
  const { status, stdout, stderr } = spawnSync('ssh', ['-F', '/dev/null', '-G', ...words], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`ssh ended with ${String(status)}: ${stderr}`);
  return new Map(
    stdout
      .split('\n')
      .map((line) => [line.split(' ', 1).join(), line.slice(line.indexOf(' ') + 1)]),
  );
};

describe('the ssh of this machine', () => {
  test('reads host, user and port exactly as a place was read', () => {
    const user = fc.stringMatching(/^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,30}$/);
    const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}$/);
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
    const host: fc.Arbitrary<RemoteHost> = fc.record({
      kind: fc.constant('remote' as const),
      user: fc.option(user, { nil: undefined }),
      name: fc.oneof(name, fc.constantFrom('::1', 'fe80::1%eth0', '192.0.2.1', 'NAME.example.')),
      port,
    });
    fc.assert(
      fc.property(host, (each) => {
        const read = readBySsh(sshCommand(each, 'true', new Set(), []));
        expect(read.get('host')).toBe(each.name);
        expect(read.get('user')).toBe(each.user ?? userInfo().username);
        expect(read.get('port')).toBe(String(each.port ?? 22));
        expect(read.get('batchmode')).toBe('yes');
      }),
      oneIn(100),
    );
  });
});
