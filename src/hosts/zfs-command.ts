import { failure } from '../errors.ts';
import { type Completed, run } from './command.ts';
import type { Tether } from './tether.ts';

/** `zfs` on this host, with `sudo -n` before it where the person asked for that. */
export const zfsCommand = (
  sudo: boolean,
  parameters: readonly string[],
): readonly [string, ...string[]] =>
  sudo ? ['sudo', '-n', 'zfs', ...parameters] : ['zfs', ...parameters];

/** zfs on this host, for the short commands of a cycle. */
export interface Zfs {
  /** Runs it and answers however it ended. Throws as `run` does. */
  readonly ask: (parameters: readonly string[]) => Promise<Completed>;
  /** Runs it and gives its output. Throws a failure in zfs's own words when it ended with anything but 0. */
  readonly tell: (parameters: readonly string[]) => Promise<string>;
}

/** What zfs said, in one line. */
export const zfsSaid = ({ stderr, exitCode }: Completed): string =>
  stderr.split('\n').filter(Boolean).join(' ').trim() || `zfs ended with ${exitCode}`;

export const localZfs = (sudo: boolean, tether: Tether): Zfs => {
  const ask = (parameters: readonly string[]) => run(zfsCommand(sudo, parameters), tether);
  return {
    ask,
    tell: async (parameters) => {
      const completed = await ask(parameters);
      if (completed.exitCode !== 0) throw failure(zfsSaid(completed));
      return completed.stdout;
    },
  };
};
