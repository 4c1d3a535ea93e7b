import { execa } from 'execa';
import { failure, type ZferryError } from '../errors.ts';
import type { Completed } from './completed.ts';
import { childEnvironment } from './environment.ts';
import { type Tether, timeProcess } from './tether.ts';

/** How long a killed process may take to go; one that waits for a suspended pool never does. */
export const graceAfterKill = 5_000;

/** Rejects when the process outlives even its killing, so that no cycle waits for it for ever. */
export const outlived = (program: string, tether: Tether, pid: () => number | undefined) => {
  const { promise, reject } = Promise.withResolvers<never>();
  const what = () => `'${program}' (pid ${pid()}) does not end, not even when it is killed`;
  const tooLong = setTimeout(
    () => reject(failure(what(), 'is a pool suspended? see zpool status -x')),
    tether.stall + 2 * graceAfterKill,
  );
  let afterAbort: NodeJS.Timeout | undefined;
  const onAbort = () => {
    afterAbort = setTimeout(() => reject(failure(what())), 2 * graceAfterKill);
  };
  tether.signal.addEventListener('abort', onAbort, { once: true });
  const stop = () => {
    clearTimeout(tooLong);
    clearTimeout(afterAbort);
    tether.signal.removeEventListener('abort', onAbort);
  };
  return { promise, stop };
};

/** What is wrong with a command that was ended because it took longer than the stall limit. */
export const tooLong = (name: string, { stall }: Tether, cause?: unknown): ZferryError =>
  failure(
    `'${name}' did not end within ${stall / 1000} s`,
    'is a pool suspended, or very busy? see zpool status -x, zpool iostat, and --stall',
    cause,
  );

/** What is wrong where a program is not there. */
export const missing = (program: string, cause?: unknown): ZferryError =>
  failure(`there is no ${program} command on this host`, undefined, cause);

/** What is wrong with a command that something else than itself ended. */
export const cutShort = (program: string, how: string, cause?: unknown): ZferryError =>
  failure(`${program} did not run to its end: ${how}`, undefined, cause);

/**
 * Runs one short command on this host and waits for its end. A non-zero exit is an answer, not an error.
 * Throws a failure when it cannot be started, is ended by a signal, takes longer than the stall limit or
 * cannot be killed; throws the reason of the tether's signal when that was aborted. `name` is for these messages.
 */
export const run = async (
  [program, ...parameters]: readonly [string, ...string[]],
  tether: Tether,
  name = [program, ...parameters].join(' '),
): Promise<Completed> => {
  tether.signal.throwIfAborted();
  const traceEnd = timeProcess(tether, [name]);
  const child = execa(program, parameters, {
    env: childEnvironment(),
    extendEnv: false,
    // sudo -u and su may leave this process in a folder that its user cannot enter.
    cwd: '/',
    reject: false,
    // The fourth is for firstLock; execa hands on any descriptor, its types know the literals 3 to 9 only.
    stdio: ['ignore', 'pipe', 'pipe', 'ignore', ...(tether.locks as readonly 3[])],
    cancelSignal: tether.signal,
    timeout: tether.stall,
    forceKillAfterDelay: graceAfterKill,
  });
  const limit = outlived(name, tether, () => child.pid);
  const result = await Promise.race([child, limit.promise]).finally(limit.stop);
  traceEnd(result.exitCode ?? result.signal ?? result.code ?? 'no end');
  tether.signal.throwIfAborted();
  if (result.timedOut) throw tooLong(name, tether, result);
  if (result.code === 'ENOENT') throw missing(program, result);
  if (result.exitCode === undefined) {
    throw cutShort(program, result.signal ?? result.code ?? '', result);
  }
  const { exitCode, stdout, stderr } = result;
  return { exitCode, stdout: String(stdout), stderr: String(stderr) };
};

/** The same through what starts this run's short commands, where it has such a thing. */
export const runShort = async (
  argv: readonly [string, ...string[]],
  tether: Tether,
): Promise<Completed> => await (tether.starter?.run ?? run)(argv, tether);
