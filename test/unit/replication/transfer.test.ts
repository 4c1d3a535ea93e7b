import { closeSync, openSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failure } from '../../../src/errors.ts';
import { nothingReported, type ReceiveReport } from '../../../src/hosts/agent-report.ts';
import type { AgentSession, Receiving } from '../../../src/hosts/agent-session.ts';
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
    return Promise.resolve({ input, report, ssh: Promise.resolve(ssh), pulse: () => '' });
  };
  const result = await transfer(session(receiving), work, tether());
  expect(result).toEqual({ error: endless, report: nothingReported, bytes: 0 });
  expect(() => closeSync(input)).toThrow('EBADF');
});
