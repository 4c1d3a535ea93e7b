import { readFileSync } from 'node:fs';
import type { Tether } from './tether.ts';

/**
 * What of a process changes while it works: the CPU time of its first thread, the bytes that this read and
 * wrote, and how often it waited for something and got it (proc(5)). Only the first thread, because another
 * one of `zfs send -v` goes on reporting every second that nothing moves. Empty where there is no /proc, or
 * the process is gone or belongs to somebody else.
 */
const processPulse = (pid: number): string => {
  const read = (file: string): string => {
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/${file}`, 'utf8');
    } catch {
      return '';
    }
  };
  // Fields 14 and 15 (utime, stime) counted from behind the name, which may hold spaces.
  const [utime, stime] = read('stat').split(') ').at(-1)?.split(' ').slice(11, 13) ?? [];
  const waits = /^voluntary_ctxt_switches:.*$/m.exec(read('status'))?.[0];
  return `${utime},${stime},${waits},${read('io')}`;
};

/** How often (milliseconds) a transfer is looked at. */
const interval = 1_000;

/**
 * Calls `onStall` once when nothing of what is watched has changed for the stall limit: no process used
 * the processor or moved a byte, and no pulse (progress here, the agent's beat there) differs.
 * Returns the function that ends the watch.
 */
export const watchForStall = (
  pids: readonly number[],
  pulses: readonly (() => string)[],
  tether: Tether,
  onStall: () => void,
): (() => void) => {
  let last = '';
  let since = Date.now();
  const timer = setInterval(() => {
    const now = [...pids.map(processPulse), ...pulses.map((pulse) => pulse())].join('\n');
    if (now !== last) {
      last = now;
      since = Date.now();
    } else if (Date.now() - since >= tether.stall) {
      clearInterval(timer);
      onStall();
    }
  }, interval);
  return () => clearInterval(timer);
};
