import { closeSync, openSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { failure } from '../../../src/errors.ts';
import type { AgentSession, Receiving } from '../../../src/hosts/agent-session.ts';
import { nothingReported, type ReceiveReport } from '../../../src/hosts/receive-report.ts';
import { plainSender } from '../../../src/hosts/sender.ts';
import { type Transfer, transfer } from '../../../src/replication/transfer.ts';
import { remotePlace, snapshot } from '../support/pair.ts';
import { tether } from '../support/tether.ts';

const { label, guid } = snapshot(1);
const work: Transfer = {
  target: remotePlace('backup:pool/vm'),
  sender: plainSender(['sh', '-c', 'echo stream']),
  instruction: { mode: 'full', keeps: [], compression: 'gzip', label, guid, prune: [] },
  limiter: undefined,
  onProgress: () => undefined,
  onArrived: () => undefined,
};

/** A session whose receive comes to this; the wire itself is proven in the lab. */
const session = (
  receive: () => Promise<Receiving<ReceiveReport>>,
): Pick<AgentSession, 'receive' | 'kill'> => ({
  receive,
  kill: () => undefined,
});

const openFiles = (): number => readdirSync('/proc/self/fd').length;

test('a transfer that the session does not take throws, and leaves no descriptor open', async () => {
  const gone = failure('the wire was cut');
  const before = openFiles();
  // Pipes are made three at a time, and each of these takes one.
  for (const _ of [1, 2, 3]) {
    const taken = transfer(
      session(() => Promise.reject(gone)),
      work,
      tether(),
    );
    await expect(taken).rejects.toBe(gone);
  }
  expect(openFiles()).toBe(before);
});

test('a report that cannot be heard is the error of a transfer, and no exception', async () => {
  const endless = failure('backup does not stop talking');
  const ssh = { program: 'ssh', exitCode: undefined, signal: 'SIGKILL', said: [] } as const;
  const input = openSync('/dev/null', 'w');
  const receiving = (): Promise<Receiving<ReceiveReport>> => {
    const report = Promise.reject(endless);
    report.catch(() => undefined);
    return Promise.resolve({
      ...{ input, report, arrived: report },
      ssh: Promise.resolve(ssh),
      pulse: () => '',
    });
  };
  const result = await transfer(session(receiving), work, tether());
  expect(result).toEqual({ error: endless, report: nothingReported, bytes: 0 });
  expect(() => closeSync(input)).toThrow('EBADF');
});

describe('what has arrived is told while the target still prunes', () => {
  const arrives = async (
    argv: Transfer['sender']['argv'],
    early: Partial<ReceiveReport>,
  ): Promise<readonly ReceiveReport[]> => {
    const ssh = { program: 'ssh', exitCode: 0, signal: undefined, said: [] } as const;
    const pruned = Promise.withResolvers<ReceiveReport>();
    const told: ReceiveReport[] = [];
    const receiving = (): Promise<Receiving<ReceiveReport>> =>
      Promise.resolve({
        input: openSync('/dev/null', 'w'),
        report: pruned.promise,
        arrived: Promise.resolve({ ...nothingReported, ...early }),
        ssh: Promise.resolve(ssh),
        pulse: () => '',
      });
    const onArrived = (report: ReceiveReport) => {
      told.push(report);
      pruned.resolve(nothingReported);
    };
    const transferred = transfer(
      session(receiving),
      { ...work, sender: plainSender(argv), onArrived },
      tether(),
    );
    await Promise.race([transferred, sleep(500)]);
    pruned.resolve(nothingReported);
    await transferred;
    return told;
  };

  test('once every process has ended with 0', async () => {
    const told = await arrives(['echo'], { receiveStatus: 0, decompressStatus: 0 });
    expect(told).toMatchObject([{ receiveStatus: 0 }]);
  });

  test.each([
    ['zfs send failed', ['false'], { receiveStatus: 0, decompressStatus: 0 }],
    ['zfs receive failed', ['echo'], { receiveStatus: 1, decompressStatus: 0 }],
    ['the decompressor failed', ['echo'], { receiveStatus: 0, decompressStatus: 1 }],
    ['nobody knows', ['echo'], {}],
  ] as const)('but not where %s', async (_what, argv, early) => {
    expect(await arrives(argv, early)).toEqual([]);
  });
});
