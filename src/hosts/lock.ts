import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { failure } from '../errors.ts';
import { run } from './command.ts';
import { runFolder } from './run-folder.ts';
import type { Tether } from './tether.ts';

/** What a run tells about itself in its lock file, for the one that finds it locked. */
export interface RunStatus {
  readonly pid: number;
  /** When the run started, ISO 8601 in UTC. */
  readonly started: string;
  /** Bytes of the stream so far, and about how many there will be. */
  readonly sent?: number | undefined;
  readonly total?: number | undefined;
}

/** A lock that this run holds. */
export interface Lock {
  readonly descriptor: number;
  readonly report: (progress: Pick<RunStatus, 'sent' | 'total'>) => void;
}

/** Somebody else's lock; what its file says of the run that holds it, if that can be read. */
export interface Held {
  readonly holder: RunStatus | undefined;
}

const readStatus = (path: string): RunStatus | undefined => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid: holder, started, sent, total } = value as Record<string, unknown>;
    if (typeof holder !== 'number' || typeof started !== 'string') return undefined;
    return {
      pid: holder,
      started,
      ...(typeof sent === 'number' ? { sent } : {}),
      ...(typeof total === 'number' ? { total } : {}),
    };
  } catch {
    // Its holder may be writing it, or ended just now: the lock says what counts, this is only talk.
    return undefined;
  }
};

/** flock(1) with a descriptor's number locks the open file itself, which this process goes on holding. */
const flock = async (descriptor: number, tether: Tether): Promise<boolean> => {
  const { exitCode, stderr } = await run(['flock', '-n', '3'], { ...tether, locks: [descriptor] });
  if (exitCode > 1) throw failure(`flock: ${stderr}`);
  return exitCode === 0;
};

const held = (descriptor: number, started: Date): Lock => {
  const report = (progress: Pick<RunStatus, 'sent' | 'total'>) => {
    const text = JSON.stringify({ pid, started: started.toISOString(), ...progress });
    try {
      ftruncateSync(descriptor, 0);
      writeSync(descriptor, text, 0);
    } catch {
      // A full disk must not stop a backup: the lock holds without it, this is only for those who ask.
    }
  };
  report({});
  return { descriptor, report };
};

/**
 * Takes the lock of that name without waiting. It vanishes when the last process that inherited its
 * descriptor has ended, however that happens; the file stays, empty of meaning. Throws a failure when the
 * lock cannot be tried at all.
 */
export const takeLock = async (
  name: string,
  started: Date,
  tether: Tether,
): Promise<Lock | Held> => {
  const folder = runFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${name}.lock`);
  const descriptor = openSync(path, 'a+', 0o600);
  if (await flock(descriptor, tether)) return held(descriptor, started);
  closeSync(descriptor);
  return { holder: readStatus(path) };
};

export const isHeld = (lock: Lock | Held): lock is Held => 'holder' in lock;
