import { describe, expect, test } from 'vitest';
import type { Ending } from '../../../src/hosts/child.ts';
import type { ReceiveReport } from '../../../src/hosts/receive-report.ts';
import {
  refusesStream,
  type TransferEnd,
  transferFailure,
} from '../../../src/replication/cause.ts';
import { remotePlace } from '../support/pair.ts';

const done = (program: string): Ending => ({ program, exitCode: 0, signal: undefined, said: [] });

const failedWith = (program: string, ...said: readonly string[]): Ending => ({
  ...done(program),
  exitCode: 1,
  said,
});

const killed = (program: string, signal: NodeJS.Signals): Ending => ({
  ...done(program),
  exitCode: undefined,
  signal,
});

const arrived: ReceiveReport = {
  decompressStatus: 0,
  receiveStatus: 0,
  marked: undefined,
  said: ['receiving incremental stream of tank/vm@b into pool/vm@b'],
  bytes: 1,
  snapshots: new Map(),
  others: undefined,
  seen: true,
  readonly: true,
  resumeToken: undefined,
  pruned: [],
  complete: true,
};

/** What a target says when the stream in front of it breaks off (OpenZFS 2.1 to 2.3). */
const brokenOff: ReceiveReport = {
  ...arrived,
  receiveStatus: 1,
  said: [
    'receiving incremental stream of tank/vm@b into pool/vm@b',
    'cannot receive incremental stream: checksum mismatch or incomplete stream.',
    'Partially received snapshot is saved.',
    'A resuming stream can be generated on the sending system by running:',
    '    zfs send -t 1-1379a801cc-118-789c6360640003',
  ],
};

/** What is left when the wire is gone: nothing. */
const unheard: ReceiveReport = {
  ...arrived,
  receiveStatus: undefined,
  decompressStatus: undefined,
  said: [],
  complete: false,
  seen: false,
};

const end = (changes: Partial<TransferEnd> = {}): TransferEnd => ({
  target: remotePlace('backup:pool/vm'),
  stages: [done('zfs'), done('lzop')],
  ssh: done('ssh'),
  report: arrived,
  isCompressed: true,
  ...changes,
});

const sshGone = failedWith('ssh', 'client_loop: send disconnect: Broken pipe');
const sayPipe = "warning: cannot send 'tank/vm@b': Broken pipe";
const sayReset = "warning: cannot send 'tank/vm@b': Connection reset by peer";

describe('a transfer has not failed', () => {
  test('when every process on both sides ended with 0 and the agent came to its end', () => {
    expect(transferFailure(end())).toBeUndefined();
    const plain = { ...arrived, decompressStatus: undefined };
    expect(
      transferFailure(end({ stages: [done('zfs')], report: plain, isCompressed: false })),
    ).toBeUndefined();
  });
});

describe('a transfer has failed', () => {
  test.each<[string, Partial<TransferEnd>]>([
    ['zfs send', { stages: [failedWith('zfs'), done('lzop')] }],
    ['the compressor', { stages: [done('zfs'), failedWith('lzop')] }],
    ['a process by a signal', { stages: [killed('zfs', 'SIGKILL'), done('lzop')] }],
    ['a process that never started', { stages: [{ ...done('zfs'), exitCode: undefined }] }],
    ['ssh', { ssh: failedWith('ssh') }],
    ['the decompressor', { report: { ...arrived, decompressStatus: 1 } }],
    ['zfs receive', { report: { ...arrived, receiveStatus: 1 } }],
    [
      'a decompressor of which nobody knows',
      { report: { ...arrived, decompressStatus: undefined } },
    ],
    ['a receive of which nobody knows', { report: { ...arrived, receiveStatus: undefined } }],
    ['the agent, before its end', { report: { ...arrived, complete: false } }],
  ])('when one alone did: %s', (_who, changes) => {
    const error = transferFailure(end(changes));
    expect(error?.exitCode).toBe(1);
    expect(error?.message).toMatch(/\S/);
  });
});

describe('blamed for a failed transfer is', () => {
  test('a process that was killed here, whatever the decompressor makes of what came', () => {
    const said = ['Error 26 : LZ4F frame decoding could not complete: invalid frame'];
    const report = { ...arrived, decompressStatus: 26, receiveStatus: 1, said };
    const stages = [failedWith('zfs', sayPipe), killed('lz4', 'SIGKILL')];
    expect(transferFailure(end({ stages, report }))?.message).toBe('lz4 was ended by SIGKILL');
  });

  test('zfs send, when the target only saw its stream break off', () => {
    const why = "warning: cannot send 'tank/vm@b': Input/output error";
    const error = transferFailure(
      end({ stages: [failedWith('zfs', why), done('lzop')], report: brokenOff }),
    );
    expect(error?.message).toBe(why);
  });

  test('zfs send, when it was killed and only the others complain', () => {
    const error = transferFailure(
      end({ stages: [killed('zfs', 'SIGKILL'), done('lzop')], report: brokenOff }),
    );
    expect(error?.message).toBe('zfs was ended by SIGKILL');
  });

  test('the compressor, when zfs send only lost its reader', () => {
    const stages = [failedWith('zfs', sayPipe), killed('lzop', 'SIGKILL')];
    expect(transferFailure(end({ stages, report: brokenOff }))?.message).toBe(
      'lzop was ended by SIGKILL',
    );
    const said = [failedWith('zfs', sayPipe), failedWith('lzop', 'lzop: out of memory')];
    expect(transferFailure(end({ stages: said, report: brokenOff }))?.message).toBe(
      'lzop: out of memory',
    );
  });

  test('zfs receive, in its own words, when everybody in front of it lost the reader', () => {
    const why = 'cannot receive incremental stream: out of space';
    const error = transferFailure(
      end({
        stages: [failedWith('zfs', sayReset), killed('lzop', 'SIGPIPE')],
        ssh: done('ssh'),
        report: { ...arrived, receiveStatus: 1, said: [...arrived.said, why] },
      }),
    );
    expect(error?.message).toBe(`backup: ${why}`);
    expect(error?.exitCode).toBe(1);
  });

  test('the decompressor, when that is what could not go on', () => {
    const report = {
      ...brokenOff,
      decompressStatus: 127,
      said: [...brokenOff.said, 'sh: lzop: not found'],
    };
    expect(transferFailure(end({ report }))?.message).toBe('backup: sh: lzop: not found');
  });

  test.each([sayPipe, sayReset])('the wire, when zfs send only says: %s', (line) => {
    const stages = [failedWith('zfs', line), killed('lzop', 'SIGPIPE')];
    const error = transferFailure(end({ stages, ssh: sshGone, report: unheard }));
    expect(error?.message).toBe('client_loop: send disconnect: Broken pipe');
  });

  test('the person who has to decide, when the target was changed', () => {
    const why =
      'cannot receive incremental stream: destination pool/vm has been modified since most recent snapshot';
    const report = { ...arrived, receiveStatus: 1, said: [why] };
    expect(transferFailure(end({ report }))).toMatchObject({ exitCode: 3 });
  });

  test('a missing permission, with the command that gives it', () => {
    const report = { ...arrived, receiveStatus: 1, said: ['cannot receive: permission denied'] };
    const error = transferFailure(end({ target: remotePlace('bob@backup:pool/vm'), report }));
    expect(error?.exitCode).toBe(1);
    expect(error?.hint).toContain('zfs allow -l -u bob ');
  });

  test('somebody even when nobody said anything', () => {
    const silent = { ...brokenOff, said: [] };
    expect(transferFailure(end({ report: silent }))?.message).toBe(
      'backup: the stream did not arrive',
    );
    expect(transferFailure(end({ stages: [failedWith('zfs')] }))?.message).toBe('zfs ended with 1');
  });

  test('nobody twice: what follows from the cause is not said with it', () => {
    const why = 'cannot receive incremental stream: destination has snapshots (eg. pool/vm@x)';
    const report = { ...brokenOff, said: [...brokenOff.said, why] };
    expect(transferFailure(end({ report }))?.message).toBe(`backup: ${why}`);
  });
});

/** In the words of libzfs 2.1 and 2.3, behind `cannot receive resume stream: `. */
const refused = (...said: readonly string[]): ReceiveReport => ({
  ...arrived,
  receiveStatus: 1,
  said: [...arrived.said, ...said.map((line) => `cannot receive resume stream: ${line}`)],
});

describe('the stream itself is refused', () => {
  test.each([
    'kernel modules must be upgraded to receive this stream.',
    'pool must be upgraded to receive this stream.',
    'invalid backup stream',
    'incremental send stream requires -L (--large-block), to match previous receive.',
    'destination already exists',
  ])('when zfs receive says: %s', (why) => {
    expect(refusesStream(refused(why))).toBe(true);
  });

  test.each([
    'out of space',
    'destination tank/vm space quota exceeded.',
    'I/O error',
    'dataset is busy',
    'pool is read-only',
    'invalid stream (bad magic number)',
    'permission denied',
    'checksum mismatch or incomplete stream.',
    'destination tank/vm has been modified',
  ])('not when the next time may be another: %s', (why) => {
    expect(refusesStream(refused(why))).toBe(false);
  });

  test('not when the stream broke off, the decompressor failed, or not all was heard', () => {
    expect(refusesStream(brokenOff)).toBe(false);
    expect(refusesStream(arrived)).toBe(false);
    const unpacked = { ...brokenOff, said: [...brokenOff.said, 'lzop: <stdin>: Checksum error'] };
    expect(refusesStream(unpacked)).toBe(false);
    const why = 'kernel modules must be upgraded to receive this stream.';
    expect(refusesStream({ ...refused(why), complete: false })).toBe(false);
  });
});
