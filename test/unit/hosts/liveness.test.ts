import { spawn } from 'node:child_process';
import { pid } from 'node:process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { watchForStall } from '../../../src/hosts/liveness.ts';
import { tether } from '../support/tether.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const reins = tether({ stall: 10_000 });

/** Uses the processor long enough for the kernel's clock of it to move. */
const work = () => {
  const began = performance.now();
  while (performance.now() - began < 25);
};

describe('a transfer is given up', () => {
  test('once, when nothing has changed for the stall limit, and not before', () => {
    const onStall = vi.fn();
    watchForStall([], [() => 'same'], reins, onStall);
    vi.advanceTimersByTime(10_500);
    expect(onStall).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1_000);
    expect(onStall).toHaveBeenCalledOnce();
    vi.advanceTimersByTime(60_000);
    expect(onStall).toHaveBeenCalledOnce();
  });

  test('not as long as one of the pulses changes now and then', () => {
    let beat = 0;
    const onStall = vi.fn();
    watchForStall([], [() => 'same', () => String(beat)], reins, onStall);
    for (let round = 0; round < 20; round += 1) {
      vi.advanceTimersByTime(9_000);
      beat += 1;
    }
    expect(onStall).not.toHaveBeenCalled();
  });

  test('not as long as a process uses the processor', () => {
    const onStall = vi.fn();
    watchForStall([pid], [], reins, onStall);
    for (let round = 0; round < 30; round += 1) {
      work();
      vi.advanceTimersByTime(1_000);
    }
    expect(onStall).not.toHaveBeenCalled();
  });

  test('when the process only sleeps', () => {
    const sleeper = spawn('sleep', ['60']);
    const onStall = vi.fn();
    watchForStall([sleeper.pid ?? 0], [], reins, onStall);
    // The first looks may still see it begin.
    work();
    vi.advanceTimersByTime(30_000);
    sleeper.kill();
    expect(onStall).toHaveBeenCalledOnce();
  });

  test('never after the watch was ended', () => {
    const onStall = vi.fn();
    const end = watchForStall([], [() => 'same'], reins, onStall);
    end();
    vi.advanceTimersByTime(60_000);
    expect(onStall).not.toHaveBeenCalled();
  });
});
