import { readFileSync } from 'node:fs';
import type { Tether } from './tether.ts';

const readProc = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};

/**
 * What of a process changes while it works: its CPU time and the bytes it read and wrote (proc(5)).
 * Empty where there is no /proc, or the process is gone or belongs to somebody else.
 */
const processPulse = (pid: number): string => {
  // Fields 14 and 15 (utime, stime) counted from behind the name, which may hold spaces.
  const [utime, stime] = readProc(pid, 'stat').split(') ').at(-1)?.split(' ').slice(11, 13) ?? [];
  return `${utime},${stime},${readProc(pid, 'io')}`;
};

/** Bytes a second below which an ssh session counts as idle: its keepalives and the agent's beat are some. */
const idleRate = 256;
const leastBytes = 4096;

/**
 * Changes as long as an ssh client carries more than its own small talk. It takes megabytes from the
 * pipeline at once, and is still at work on a slow wire when all before it have ended.
 */
export const sessionPulse = (pid: number | undefined, { stall }: Tether): string => {
  const [read, written] = readProc(pid ?? 0, 'io').matchAll(/^[rw]char: ([0-9]+)$/gm);
  const moved = Number(read?.[1] ?? 0) + Number(written?.[1] ?? 0);
  return String(Math.floor(moved / Math.max(leastBytes, (idleRate * stall) / 1_000)));
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
