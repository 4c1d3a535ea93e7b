import { randomUUID } from 'node:crypto';
import { quote } from './quote.ts';
import type { Result } from './result.ts';
import { type RunOptions, session, ssh } from './ssh.ts';

/** A command that goes on while the test does something else. */
export interface Background {
  /** How it ended, by itself or by a signal (128 and the signal's number). */
  readonly done: Promise<Result>;
  /** Sends a signal to the command and everything it started. */
  readonly signal: (name: string) => Promise<void>;
}

export const startInBackground = (
  host: string,
  command: string,
  options: RunOptions,
): Background => {
  const pidFile = `/run/lab-${randomUUID()}.pid`;
  // With job control on, the command is a process group of its own: a signal to all of it
  // spares the shell that reports how it ended. That shell's own remarks go nowhere.
  const done = session(
    host,
    `set -m; sh -c ${quote(command)} <&0 & echo $! >${pidFile}; exec 2>/dev/null; wait $!; code=$?; rm -f ${pidFile}; exit $code`,
    options,
  );
  // The test reads it when it is ready for it, perhaps after the host has been unplugged
  done.catch(() => undefined);
  return {
    done,
    signal: async (name) => {
      const sent = await ssh(
        host,
        `until [ -s ${pidFile} ]; do sleep 0.02; done; kill -s ${quote(name)} -- "-$(cat ${pidFile})"`,
      );
      if (sent.exitCode !== 0) {
        throw new Error(`${host}: ${command}\ncannot be signalled: ${sent.stderr.trim()}`);
      }
    },
  };
};
