import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import {
  type ReplicatingOptions,
  requestFor,
  withReplicatingOptions,
} from '../../../src/cli/options.ts';
import { refused } from '../support/refused.ts';

/** The options that a command line has. */
const options = (...words: readonly string[]): ReplicatingOptions => {
  const command = withReplicatingOptions(new Command()).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  return command.parse(words, { from: 'user' }).opts<ReplicatingOptions>();
};

const asked = (source: string, target: string, ...words: readonly string[]) =>
  requestFor('run', source, target, options(...words), 'zferry');

describe('a request', () => {
  test('has the defaults of the specification', () => {
    expect(asked('tank/vm', 'backup')).toMatchObject({
      intent: 'run',
      compression: { wanted: 'lzop', named: false },
      keep: undefined,
      keepTarget: undefined,
      stall: 600_000,
      sudo: false,
      sshOptions: [],
      persist: undefined,
    });
  });

  test('has what was typed', () => {
    const words = [
      '--compress',
      'none',
      '--keep',
      '3',
      '--keep-target',
      'last=2',
      '--stall',
      '90s',
    ];
    const more = [
      '--sudo',
      '--ssh-option',
      'Port=22',
      '--ssh-option',
      'User=x',
      '--persist',
      '10m',
    ];
    expect(asked('tank/vm', 'root@backup:pool/vm', ...words, ...more)).toMatchObject({
      pair: { target: { dataset: 'pool/vm', host: { user: 'root', name: 'backup' } } },
      compression: { wanted: 'none', named: true },
      keep: 3,
      keepTarget: { last: 2 },
      stall: 90_000,
      sudo: true,
      sshOptions: ['Port=22', 'User=x'],
      persist: 600_000,
    });
  });

  test.each([
    ['tank/vm', ':usb', 'is the root of a pool'],
    ['tank/vm', 'backup:pool', 'is the root of a pool'],
    [':tank', 'backup', 'is the root of a pool'],
    ['tank', 'backup', 'names no dataset'],
    ['tank/vm', '-backup', 'is not a host name that zferry hands to ssh'],
  ])('from %s to %s is refused because it %s', (source, target, reason) => {
    expect(refused(() => asked(source, target)).message).toContain(reason);
  });

  test.each(['-1', '1.5', 'all', ''])('a depth of %j is none', (depth) => {
    expect(refused(() => asked('tank/vm', 'backup', '-r', '--max-depth', depth)).message).toBe(
      `--max-depth: '${depth}' is not a whole number from 0 on`,
    );
    expect(asked('tank/vm', 'backup', '-r', '--max-depth', '0').tree?.maxDepth).toBe(0);
  });

  test('of a tree may be on another host', () => {
    const tree = { exclude: [], maxDepth: undefined, parallel: 1 };
    expect(asked('nas:tank/vm', 'pool/vm', '--recursive').tree).toEqual(tree);
  });

  test('has each pattern for snapshots of others, and none that can match none', () => {
    const words = ['--include-snapshots', 'autosnap_*', '--include-snapshots', 'by hand'];
    expect(asked('tank/vm', 'backup', ...words).includeSnapshots).toEqual([
      'autosnap_*',
      'by hand',
    ]);
    for (const pattern of ['', 'a/b', '@x', 'x#', 'a\nb']) {
      const error = refused(() => asked('tank/vm', 'backup', '--include-snapshots', pattern));
      expect(error.message).toMatch(/^--include-snapshots: '/);
    }
  });

  test('from this host to itself compresses nothing unless that is asked for', () => {
    expect(asked('tank/vm', 'usb/vm')).toMatchObject({
      pair: { target: { dataset: 'usb/vm', host: { kind: 'here' } } },
      compression: { wanted: 'none', named: false },
    });
    const named = asked('tank/vm', 'usb/vm', '--compress', 'lzop');
    expect(named.compression).toEqual({ wanted: 'lzop', named: true });
  });

  test('to replace a target whose new replica would have too long a name is refused', () => {
    const ask = (target: string) =>
      requestFor('prime', 'tank/vm', target, { ...options(), replace: true }, 'zferry');
    expect(ask(`backup:pool/${'x'.repeat(200)}`).replace).toBe(true);
    refused(() => ask(`backup:pool/${'x'.repeat(215)}`));
    refused(() => ask(`backup:pool/${'x'.repeat(245)}`));
  });

  test('that could prune the snapshots of others by their bare times is refused', () => {
    const format = ['--name-format', '%Y-%m-%d %H:%M:%S'];
    expect(asked('tank/vm', 'backup', ...format).series.ownsItsNames).toBe(false);
    refused(() => asked('tank/vm', 'backup', ...format, '--keep', '3'));
    refused(() => asked('tank/vm', 'backup', ...format, '--keep-target', 'last=2'));
  });

  test.each([
    ['--rate', '0'],
    ['--keep', 'all'],
    ['--keep-target', 'sometimes'],
    ['--stall', 'never'],
    ['--stall', '30d'],
  ])('with %s %s names the option that is wrong', (option, value) => {
    expect(refused(() => options(option, value)).message).toContain(option);
  });
});
