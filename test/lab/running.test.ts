import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { logTime, said, silentSuccess } from './support/outcome.ts';
import {
  newestEqual,
  type Pair,
  primedPair,
  property,
  snapshots,
  writeBigFile,
} from './support/pair.ts';
import { quote } from './support/quote.ts';
import { type SlowCycle, startSlowCycle } from './support/slow.ts';
import { wire } from './support/wire.ts';

let pair: Pair;
afterEach(async () => {
  await wire.clear();
  await pair.remove();
});

const areGone = (pids: readonly number[]): string =>
  pids.map((pid) => `! kill -0 ${pid} 2>/dev/null`).join(' && ');

/** Nothing that belongs to the pair is at work on dst any more. The brackets keep the question from finding itself. */
const targetIsIdle = async (): Promise<void> =>
  dst.until(`! pgrep -f ${quote(pair.target.replace(/^./, '[$&]'))}`);

/** The next run goes on where the last one stopped: the snapshot that it was sending arrives. */
const expectResumed = async (): Promise<void> => {
  const interrupted = (await snapshots(src, pair.source)).at(-1);
  expect(await property(dst, pair.target, 'receive_resume_token')).not.toBe('-');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect((await pair.lines()).at(-1)).toContain(' successfully. resumed ');
  expect(await newestEqual(pair)).toBe(interrupted);
};

describe('another run for the pair is still at work', () => {
  test('nothing is done or printed, and the log says who is at work and how far', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 16);
    const second = await pair.cycle();

    expect(second).toEqual({ exitCode: 4, stdout: '', stderr: '' });
    const size = '[0-9.]+ (B|KiB|MiB)';
    expect((await pair.lines()).at(-1)).toMatch(
      new RegExp(
        `^${logTime} ${pair.source} skipped for dst: the run of \\d{2}:\\d{2}:\\d{2} \\(pid ${slow.pid}\\) is still sending, ${size} of about ${size}$`,
      ),
    );
    expect(await slow.done).toEqual(silentSuccess);
    await newestEqual(pair);
  });

  test('also when the target is called by another name, user or address', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 30);

    for (const place of [
      pair.at('root@dst'),
      `10.99.1.2:${pair.target}`,
      `ssh://dst:22/${pair.target}`,
    ]) {
      const { exitCode, stderr } = await pair.zferry(pair.source, place);
      expect({ place, exitCode, stderr }).toEqual({ place, exitCode: 4, stderr: '' });
      expect((await pair.lines()).at(-1)).toContain(`(pid ${slow.pid}) is still sending, `);
    }
    expect(await slow.done).toEqual(silentSuccess);
    await newestEqual(pair);
  });

  test('a run for another pair is not kept waiting', async () => {
    pair = await primedPair();
    const other = await primedPair();
    try {
      const slow = await startSlowCycle(pair, 20);
      expect(await other.cycle()).toEqual(silentSuccess);
      await src.ok(`kill -0 ${slow.pid}`);
      expect(await slow.done).toEqual(silentSuccess);
    } finally {
      await other.remove();
    }
  });
});

describe('a run that is interrupted ends its children, says so, and the next one resumes', () => {
  const expectInterrupted = async (slow: SlowCycle, signal: string) => {
    const error = `interrupted by ${signal}`;
    expect(await slow.done).toEqual({ exitCode: 1, stdout: '', stderr: said({ error }) });
    await src.ok(areGone(slow.children));
    const line = (await pair.lines()).at(-1);
    expect(line).toContain(` failed to replicate to dst! ERROR! ${error}`);
    await targetIsIdle();
    await expectResumed();
  };

  test('SIGTERM to zferry alone, as kill does', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 25);
    await src.ok(`kill -TERM ${slow.pid}`);

    await expectInterrupted(slow, 'SIGTERM');
  });

  test('SIGINT to all of its processes, as a terminal does', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 25);
    await src.ok(`kill -INT ${[slow.pid, ...slow.children].join(' ')}`);

    await expectInterrupted(slow, 'SIGINT');
  });

  test('kill -9: nothing is left, the lock is free, and a run at once goes on', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 25);
    await src.ok(`kill -KILL ${slow.pid}`);

    await src.until(areGone(slow.children));
    await targetIsIdle();
    await expectResumed();
  });

  test('kill -9, and the next run does not wait for the target to notice', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 25);
    await src.ok(`kill -KILL ${slow.pid}`);

    expect(await pair.cycle()).toEqual(silentSuccess);
    await newestEqual(pair);
  });
});

describe('a transfer', () => {
  test('that stands still for --stall is given up, and the next run resumes', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 25, '--stall', '6s');
    await src.ok(`pkill -STOP -f ${quote(`[z]fs send .*${pair.source}@`)}`);

    const error = 'nothing moved for 6 s: the transfer was given up';
    expect(await slow.done).toEqual({ exitCode: 1, stdout: '', stderr: said({ error }) });
    await src.ok(areGone(slow.children));
    expect((await pair.lines()).at(-1)).toContain(` ERROR! ${error}`);
    await targetIsIdle();
    await expectResumed();
  });

  test('that is slow is let alone, however much longer than --stall it takes', async () => {
    pair = await primedPair();
    await writeBigFile(pair.source, 'big', 7);
    await wire.rate(4000);
    const began = Date.now();

    // Half of the time all of it is with ssh and the kernel, and zfs send has long ended
    expect(await pair.cycle('--stall', '6s')).toEqual(silentSuccess);
    expect(Date.now() - began).toBeGreaterThan(12_000);
    await newestEqual(pair);
  });
});
