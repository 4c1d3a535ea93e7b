import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { failure } from '../errors.ts';
import { runShort } from './command.ts';
import { isAlive } from './is-alive.ts';
import { runFolder } from './run-folder.ts';
import type { Tether } from './tether.ts';

/** Both ends of a pipe(7), as descriptors of this process. */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

let made = 0;

/** What a run that was killed in between left behind; a new one may even have its pid. */
const removeRemains = (folder: string): void => {
  for (const name of readdirSync(folder)) {
    const maker = Number(/^([0-9]+)-[0-9]+\.fifo$/.exec(name)?.[1]);
    if (Number.isNaN(maker)) continue;
    const isLeft = maker === pid ? made === 0 : !isAlive(maker);
    if (isLeft) rmSync(join(folder, name), { force: true });
  }
};

/** Opening both ways at first keeps the other two from waiting for each other (fifo(7), Linux). */
const openBothEnds = (path: string): Pipe => {
  const both = openSync(path, constants.O_RDWR);
  try {
    const readEnd = openSync(path, constants.O_RDONLY);
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
  } finally {
    closeSync(both);
  }
};

/** mkfifo(1) is a process whose time everything waits for: it makes what a cycle takes in all. */
const atOnce = 3;
const stock: Pipe[] = [];

const makeMore = async (count: number, tether: Tether): Promise<readonly Pipe[]> => {
  const folder = runFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  removeRemains(folder);
  const paths = Array.from({ length: count }, () => {
    made += 1;
    return join(folder, `${pid}-${made}.fifo`);
  });
  try {
    const { exitCode, stderr } = await runShort(['mkfifo', '-m', '600', ...paths], tether);
    if (exitCode !== 0) throw failure(stderr);
    return paths.map(openBothEnds);
  } finally {
    for (const path of paths) rmSync(path, { force: true });
  }
};

/**
 * Makes pipes. What Node calls a pipe is a pair of sockets, and into a socket `zfs send` reports no progress
 * (lib/libzfs_core of 2.2 and newer puts a pipe and a thread of its own in between). They have no name once
 * this returns. Throws a failure where there can be none.
 */
export const makePipes = async (count: number, tether: Tether): Promise<readonly Pipe[]> => {
  const missing = count - stock.length;
  if (missing > 0) stock.push(...(await makeMore(Math.max(missing, atOnce), tether)));
  return stock.splice(0, count);
};

/** Closes this process's ends. */
export const closePipes = (pipes: readonly Pipe[]): void => {
  for (const { readEnd, writeEnd } of pipes) {
    closeSync(readEnd);
    closeSync(writeEnd);
  }
};
