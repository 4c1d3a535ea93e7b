import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { compressorNames } from '../../../src/hosts/compressors.ts';
import type { RemoteHost } from '../../../src/hosts/place.ts';
import { plainSender, remoteSender } from '../../../src/hosts/sender.ts';
import {
  askProgram,
  filterProgram,
  sendProgram,
  sourceGreeting,
} from '../../../src/hosts/source-program.ts';

const nas: RemoteHost = { kind: 'remote', user: 'root', name: 'nas', port: undefined };
const ended = (exitCode: number | undefined, said: readonly string[] = []) => ({
  program: 'ssh',
  exitCode,
  signal: undefined,
  said,
});

/** What a sender makes of these lines of standard error and that end of ssh; and what of it went to zfs's reader. */
const heard = (lines: readonly string[], exitCode: number | undefined) => {
  const sender = remoteSender(['ssh'], nas, 'lzop', undefined);
  const zfs: string[] = [];
  const complaints = lines.filter(
    (line) => !sender.hear(line, (each) => each.startsWith('size') && zfs.push(each) > 0),
  );
  return { zfs, endings: sender.endings(ended(exitCode, complaints)), pulse: sender.pulse() };
};

describe('a sender on another host', () => {
  test('tells how zfs and the compressor ended, whatever the login printed before', () => {
    const lines = ['motd', `x ${sourceGreeting}`, 'size\t5', 'beat 1', 'status send 0'];
    expect(heard([...lines, 'status pack 0', 'end send'], 0)).toEqual({
      zfs: ['size\t5'],
      endings: [
        { program: 'zfs', exitCode: 0, signal: undefined, said: [] },
        { program: 'lzop', exitCode: 0, signal: undefined, said: [] },
      ],
      pulse: 'beat 1',
    });
  });

  test('tells who complained, and which signal ended whom', () => {
    const lines = [sourceGreeting, 'warning: no', 'status send 141', 'lzop: full', 'status pack 1'];
    expect(heard([...lines, 'end send'], 0).endings).toEqual([
      { program: 'zfs', exitCode: undefined, signal: 'SIGPIPE', said: ['warning: no'] },
      { program: 'lzop', exitCode: 1, signal: undefined, said: ['lzop: full'] },
    ]);
  });

  test('that broke off is ssh that led to that host, in its words', () => {
    const lines = [sourceGreeting, 'status send 0', 'mux_client_read_packet: failed', 'Timeout'];
    expect(heard(lines, 255).endings).toEqual([{ ...ended(255, ['Timeout']), host: nas }]);
    expect(heard(['ssh: no route'], 255).endings).toEqual([
      { ...ended(255, ['ssh: no route']), host: nas },
    ]);
  });

  test('that says nothing at all has not sent', () => {
    expect(heard([sourceGreeting, 'end send'], 0).endings).toMatchObject([
      { program: 'zfs', exitCode: undefined },
      { program: 'lzop', exitCode: undefined },
    ]);
  });
});

test('a sender on this host is the process itself', () => {
  const sender = plainSender(['zfs']);
  expect(sender.hear('x', () => true)).toBe(true);
  expect(sender.endings(ended(3))).toEqual([ended(3)]);
});

describe('the programs of a source', () => {
  test('have none of the characters that a login shell would change', () => {
    for (const program of [askProgram, sendProgram('00112233445566ff')]) {
      expect(program).not.toMatch(/['\\!\r\n]/);
    }
  });

  test('know every compressor', () => {
    for (const name of compressorNames) expect(sendProgram('00')).toContain(` ${name}) ${name} `);
  });

  test.each(['here', 'noise\nmore', 'noise'])('let only the stream through behind %j', (noise) => {
    const stream = 'a\\b\n\nc';
    const input = `${noise}\nMARK\n${stream}`;
    const { status, stdout } = spawnSync('sh', ['-c', filterProgram, 'f', 'MARK'], { input });
    expect({ status, stdout: stdout.toString() }).toEqual({ status: 0, stdout: stream });
    expect(spawnSync('sh', ['-c', filterProgram, 'f', 'OTHER'], { input }).status).toBe(1);
  });
});
