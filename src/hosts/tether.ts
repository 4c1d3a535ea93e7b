import type { Completed } from './completed.ts';

/** Starts short commands for a fraction of what it costs this process. */
export interface Starter {
  /** Runs one as `run` does. */
  readonly run: (argv: readonly [string, ...string[]], tether: Tether) => Promise<Completed>;
  /** Lets go of a lock's descriptor that this process is about to close. */
  readonly forget: (descriptor: number) => Promise<void>;
  /** Lets go of all locks. */
  readonly close: () => Promise<void>;
}

/**
 * What ties the processes of a run to it. Every child inherits the lock's descriptor, so that the lock
 * lasts as long as the last of them; the signal ends them all.
 */
export interface Tether {
  /** Descriptors that hold this run's locks. */
  readonly locks: readonly number[];
  /** Aborted when the run is to end; its reason is the error that the run ends with. */
  readonly signal: AbortSignal;
  /** How long (milliseconds) a command may take, or a transfer may stand still. */
  readonly stall: number;
  /** Is told of each process that has ended, where somebody wants to know. */
  readonly trace?: (text: string) => void;
  /** What starts this run's short commands, where it has such a thing. */
  readonly starter?: Starter;
}

/** The number that the first of the locks has in a short command; the others follow. */
export const firstLock = 4;

/** The longest command line that a trace shows; ssh's holds the agent's whole program. */
const longestTraced = 100;

/** Begins to time a process; the function that it answers tells the trace how it ended, and how long it took. */
export const timeProcess = (
  { trace }: Tether,
  argv: readonly string[],
): ((how: string | number) => void) => {
  if (trace === undefined) return () => undefined;
  const began = performance.now();
  const command = argv.join(' ');
  const brief = command.length > longestTraced ? `${command.slice(0, longestTraced)}…` : command;
  return (how) => trace(`${brief}: ${how} after ${Math.round(performance.now() - began)} ms`);
};
