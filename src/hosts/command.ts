import { execa } from 'execa';
import { failure } from '../errors.ts';
import { childEnvironment } from './environment.ts';
import { type Tether, timeProcess } from './tether.ts';

/** How a command ended; the output has no closing line break. */
export interface Completed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How long a killed process may take to go; one that waits for a suspended pool never does. */
const graceAfterKill = 5_000;

/** Rejects when the process outlives even its killing, so that no cycle waits for it for ever. */
const outlived = (program: string, tether: Tether, pid: () => number | undefined) => {
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
    // execa hands on any descriptor, its types know the literals 3 to 9 only.
    stdio: ['ignore', 'pipe', 'pipe', ...(tether.locks as readonly 3[])],
    cancelSignal: tether.signal,
    timeout: tether.stall,
    forceKillAfterDelay: graceAfterKill,
  });
  const limit = outlived(name, tether, () => child.pid);
  const result = await Promise.race([child, limit.promise]).finally(limit.stop);
  traceEnd(result.exitCode ?? result.signal ?? result.code ?? 'no end');
  tether.signal.throwIfAborted();
  if (result.timedOut) {
    throw failure(
      `'${name}' did not end within ${tether.stall / 1000} s`,
      'is a pool suspended, or very busy? see zpool status -x, zpool iostat, and --stall',
      result,
    );
  }
  if (result.code === 'ENOENT') {
    throw failure(`there is no ${program} command on this host`, undefined, result);
  }
  if (result.exitCode === undefined) {
    const how = result.signal ?? result.code ?? '';
    throw failure(`${program} did not run to its end: ${how}`, undefined, result);
  }
  const { exitCode, stdout, stderr } = result;
  return { exitCode, stdout: String(stdout), stderr: String(stderr) };
};
