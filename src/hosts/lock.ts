import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pid } from 'node:process';
import { failure } from '../errors.ts';
import { runShort } from './command.ts';
import { runFolder } from './run-folder.ts';
import { firstLock, type Tether } from './tether.ts';

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
  /** What the run before this one remembered; undefined where it did not, or the file is new. */
  readonly remembered: string | undefined;
  /** Leaves a word for the next run. It may get lost: nothing but speed may hang on it. */
  readonly remember: (word: string) => void;
  /** Lets go of it. It stays locked as long as a process lives that inherited it. */
  readonly release: () => void;
}

/** Somebody else's lock; what its file says of the run that holds it, if that can be read. */
export interface Held {
  readonly holder: RunStatus | undefined;
}

const readFields = (path: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // Its holder may be writing it, or ended just now: the lock says what counts, this is only talk.
    return {};
  }
};

const readStatus = (path: string): RunStatus | undefined => {
  const { pid: holder, started, sent, total } = readFields(path);
  if (typeof holder !== 'number' || typeof started !== 'string') return undefined;
  return {
    pid: holder,
    started,
    ...(typeof sent === 'number' ? { sent } : {}),
    ...(typeof total === 'number' ? { total } : {}),
  };
};

const readRemembered = (path: string): string | undefined => {
  const { remembered } = readFields(path);
  return typeof remembered === 'string' ? remembered : undefined;
};

/** Whether others may hold it at the same time; who wants it alone waits for all of them. */
export type LockMode = 'alone' | 'shared';

/** flock(1) with a descriptor's number locks the open file itself, which this process goes on holding. */
const flock = async (descriptor: number, mode: LockMode, tether: Tether): Promise<boolean> => {
  const how = mode === 'shared' ? ['-s'] : [];
  const number = String(firstLock + tether.locks.length);
  const { exitCode, stderr } = await runShort(['flock', ...how, '-n', number], {
    ...tether,
    locks: [...tether.locks, descriptor],
  });
  if (exitCode > 1) throw failure(`flock: ${stderr}`);
  return exitCode === 0;
};

const heldTogether = (descriptor: number): Lock => ({
  descriptor,
  report: () => undefined,
  remembered: undefined,
  remember: () => undefined,
  release: () => closeSync(descriptor),
});

const held = (descriptor: number, started: Date, remembered: string | undefined): Lock => {
  const write = (fields: Readonly<Record<string, unknown>>) => {
    const text = JSON.stringify({ pid, started: started.toISOString(), ...fields });
    try {
      ftruncateSync(descriptor, 0);
      writeSync(descriptor, text, 0);
    } catch {
      // A full disk must not stop a backup: the lock holds without it, this is only for those who ask.
    }
  };
  write({});
  return {
    descriptor,
    report: write,
    remembered,
    remember: (word) => write({ remembered: word }),
    release: () => closeSync(descriptor),
  };
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
  mode: LockMode = 'alone',
): Promise<Lock | Held> => {
  const folder = runFolder();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${name}.lock`);
  const descriptor = openSync(path, 'a+', 0o600);
  if (await flock(descriptor, mode, tether)) {
    // What stands in the file is the word of who has it alone.
    if (mode === 'shared') return heldTogether(descriptor);
    return held(descriptor, started, readRemembered(path));
  }
  await tether.starter?.forget(descriptor);
  closeSync(descriptor);
  return { holder: readStatus(path) };
};

/** proc_locks(5): the device's numbers in hexadecimal, the inode's in decimal. */
const isLocked = (locks: string, path: string): boolean => {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  const hex = (number: number) => number.toString(16).padStart(2, '0');
  const major = Math.floor(found.dev / 256) % 4096;
  const device = `${hex(major)}:${hex(found.dev % 256)}`;
  return locks
    .split('\n')
    .some((line) => / FLOCK /.test(line) && line.includes(` ${device}:${found.ino} `));
};

/**
 * Who holds the lock of that name, without trying it: a run that begins just then must not find it held.
 * undefined where nobody does; `unknown` where its file does not say who.
 */
export const holderOf = (name: string): RunStatus | 'unknown' | undefined => {
  const path = join(runFolder(), `${name}.lock`);
  return isLocked(readFileSync('/proc/locks', 'utf8'), path)
    ? (readStatus(path) ?? 'unknown')
    : undefined;
};

export const isHeld = (lock: Lock | Held): lock is Held => 'holder' in lock;
