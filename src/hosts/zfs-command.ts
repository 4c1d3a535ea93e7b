import { failure } from '../errors.ts';
import { runShort } from './command.ts';
import { commandOn } from './command-on.ts';
import type { Completed } from './completed.ts';
import type { Host } from './place.ts';
import type { Tether } from './tether.ts';

/** `zfs` on this host, with `sudo -n` before it where the person asked for that. */
export const zfsCommand = (
  sudo: boolean,
  parameters: readonly string[],
): readonly [string, ...string[]] =>
  sudo ? ['sudo', '-n', 'zfs', ...parameters] : ['zfs', ...parameters];

/** How a zfs command ended, and what it said. */
export type Answer = Completed;

/** zfs on the source's host, for the short commands of a cycle. */
export interface Zfs {
  /** Runs it and answers however it ended. Throws as `run` does. */
  readonly ask: (parameters: readonly string[]) => Promise<Completed>;
  /** Runs it and gives its output. Throws a failure in zfs's own words when it ended with anything but 0. */
  readonly tell: (parameters: readonly string[]) => Promise<string>;
  readonly host: Host;
  /** A command for a person to run on that host. */
  readonly paste: (command: readonly string[]) => string;
}

/** What zfs said, in one line. */
export const zfsSaid = ({ stderr, exitCode }: Completed): string =>
  stderr.split('\n').filter(Boolean).join(' ').trim() || `zfs ended with ${exitCode}`;

/** The rest of what a cycle wants of zfs on a host, from the one thing that hosts differ in. */
export const zfsOf = (ask: Zfs['ask'], host: Host, paste: Zfs['paste']): Zfs => ({
  ask,
  tell: async (parameters) => {
    const completed = await ask(parameters);
    if (completed.exitCode !== 0) throw failure(zfsSaid(completed));
    return completed.stdout;
  },
  host,
  paste,
});

export const localZfs = (sudo: boolean, tether: Tether): Zfs => {
  const host: Host = { kind: 'here' };
  const ask = (parameters: readonly string[]) => runShort(zfsCommand(sudo, parameters), tether);
  // Hints about the source have never had the sudo before them that a cycle uses.
  return zfsOf(ask, host, (command) => commandOn(host, { sudo: false, sshOptions: [] }, command));
};
