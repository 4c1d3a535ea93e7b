import { expect } from 'vitest';
import type { Background } from './background.ts';
import { src } from './host.ts';
import { type Pair, underCron, writeBigFile } from './pair.ts';
import { sh } from './quote.ts';

/** A cycle that is sending. */
export interface SlowCycle extends Background {
  /** Of zferry itself. */
  readonly pid: number;
  /** Of the processes that it started: ssh, zfs send, … */
  readonly children: readonly number[];
}

/** Starts a cycle that sends for so many seconds, and returns when it has begun to. */
export const startSlowCycle = async (
  pair: Pair,
  seconds: number,
  ...options: readonly string[]
): Promise<SlowCycle> => {
  await writeBigFile(pair.source, 'big', seconds);
  const words = [pair.source, pair.place, '--log', pair.log, '--rate', '1M', ...options];
  const cycle = src.start(underCron(words));
  // The bracket keeps the question from finding itself
  const sending = sh`pgrep -f ${`[z]fs send .*${pair.source}@`}`;
  await src.until(sending);
  const pid = Number(await src.ok(`ps -o ppid= -p $(${sending})`));
  // zfs says once a second how much it has sent, and zferry notes it for others
  await src.until(sh`grep -l '"pid":'${pid}',.*"sent":[1-9]' /run/zferry/*.lock`);
  const children = (await src.ok(sh`pgrep -P ${pid}`)).split('\n').map(Number);
  expect(children.length).toBeGreaterThanOrEqual(3);
  return { ...cycle, pid, children };
};
