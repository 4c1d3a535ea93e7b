import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Tether } from '../../../src/hosts/tether.ts';

/** A tether that nothing ends, but for what a test changes. */
export const tether = (changes: Partial<Tether> = {}): Tether => ({
  locks: [],
  signal: new AbortController().signal,
  stall: 60_000,
  ...changes,
});

/** True while the process is there and not just waiting to be reaped. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** Waits until it is so; fails after ten seconds. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  const limit = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > limit) throw new Error('it did not become so within ten seconds');
    await sleep(20);
  }
};
