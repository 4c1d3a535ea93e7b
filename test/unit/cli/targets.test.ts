import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { type ReplicatingOptions, withReplicatingOptions } from '../../../src/cli/options.ts';
import { requestsFor } from '../../../src/cli/targets.ts';
import { refused } from '../support/refused.ts';

const options = (...words: readonly string[]): ReplicatingOptions => {
  const command = withReplicatingOptions(new Command()).exitOverride();
  return command.parse(words, { from: 'user' }).opts<ReplicatingOptions>();
};

const asked = (targets: readonly string[], ...words: readonly string[]) =>
  requestsFor('run', 'tank/vm', targets, options(...words));

const refusal = (targets: readonly string[], ...words: readonly string[]): string =>
  refused(() => asked(targets, ...words)).message;

const hosts = (count: number) => Array.from({ length: count }, (_, index) => `host${index}`);

describe('several targets in one command', () => {
  test('are a request each, in their order, with the same options', () => {
    const requests = asked(['one', 'two:pool/vm'], '--keep', '3');
    expect(requests.map(({ pair }) => pair.target.typed)).toEqual(['one', 'two:pool/vm']);
    for (const { keep, pair } of requests) {
      expect(keep).toBe(3);
      expect(pair.source.dataset).toBe('tank/vm');
    }
  });

  test('are at most 32', () => {
    expect(asked(hosts(32))).toHaveLength(32);
    expect(refusal(hosts(33))).toBe('33 targets in one command; there can be 32');
  });

  test.each([
    [['backup', 'other', 'backup'], 'the target backup is named twice'],
    [['backup', 'root@backup'], 'the target root@backup is named twice, once as backup'],
    [['backup', 'BACKUP:tank/vm'], 'the target BACKUP:tank/vm is named twice, once as backup'],
    [
      ['ssh://backup:22/tank/vm', 'ssh://me@backup:22/tank/vm'],
      'the target ssh://me@backup:22/tank/vm is named twice, once as ssh://backup:22/tank/vm',
    ],
  ])('%j: one of them twice is refused', (targets, message) => {
    expect(refusal(targets)).toBe(message);
  });

  test('are not the same on different hosts, ports or datasets', () => {
    for (const targets of [
      ['backup', 'backup2'],
      ['backup', 'backup:tank/vm2'],
      ['backup', 'ssh://backup:2222/tank/vm'],
    ]) {
      expect(asked(targets)).toHaveLength(2);
    }
  });

  test('may be of a tree, and of a source on another host', () => {
    const words = options('--recursive');
    const requests = requestsFor('run', 'nas:tank/vm', ['backup', 'other', 'tank/copy'], words);
    expect(requests.map(({ pair, tree }) => [pair.target.typed, tree !== undefined])).toEqual([
      ['backup', true],
      ['other', true],
      ['tank/copy', true],
    ]);
  });

  test('are not one in the other where they are trees', () => {
    const nested = ['backup:tank/vm', 'other', 'root@backup:tank/vm/a'];
    expect(asked(nested)).toHaveLength(3);
    const { message, exitCode, hint } = refused(() => asked(nested, '--recursive'));
    expect({ message, exitCode, hint }).toEqual({
      message: 'the target root@backup:tank/vm/a is inside another one, backup:tank/vm',
      exitCode: 2,
      hint: 'give each copy of a tree a place of its own',
    });
    expect(asked(['backup:tank/vm', 'other:tank/vm/a'], '--recursive')).toHaveLength(2);
  });
});

describe('a target on the host of the source', () => {
  test.each([
    ['localhost', 'localhost is the source itself'],
    ['root@127.0.0.1:tank/vm', 'root@127.0.0.1:tank/vm is the source itself'],
    [
      'localhost:tank/vm/copy',
      'the target localhost:tank/vm/copy is inside its own source tank/vm',
    ],
  ])('%s is refused', (target, message) => {
    expect(refusal([target])).toBe(message);
  });

  test('is refused where the source lies in it', () => {
    const act = () => requestsFor('run', 'tank/vm/disk', ['localhost:tank/vm'], options());
    expect(refused(act).message).toBe(
      'the source tank/vm/disk is inside its own target localhost:tank/vm',
    );
  });

  test('is refused on another host too', () => {
    const act = (target: string) => () => requestsFor('run', 'nas:tank/vm', [target], options());
    expect(refused(act('root@NAS')).message).toBe('root@NAS is the source itself');
    expect(act('nas:tank/vm2')()).toHaveLength(1);
  });

  test('may have a name that begins alike, or be behind a tunnel', () => {
    expect(asked(['localhost:tank/vm2'])).toHaveLength(1);
    expect(asked(['ssh://localhost:2222/tank/vm'])).toHaveLength(1);
    expect(asked(['localhost'], '--ssh-option', 'Port=2222')).toHaveLength(1);
  });
});
