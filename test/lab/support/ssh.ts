import { execa } from 'execa';
import { NAMESPACE } from './lab.ts';
import { STATE } from './labs.ts';
import type { Result } from './result.ts';
import { Shell } from './shell.ts';

export interface RunOptions {
  /** What the command reads; nothing when not given. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the command is given up, 60 s unless given. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Straight to ssh, without the lab's bash script in between: this is called thousands
 * of times. The kept connection of the lab does the work; the namespace only matters
 * when that connection is gone and ssh has to make its own.
 */
const sshTo = (host: string, command: string): readonly [string, ...string[]] => [
  ...(['nsenter', `--net=/run/netns/${NAMESPACE}`] as const),
  ...['ssh', '-F', `${STATE}/ssh/config`, host, command],
];

const notEnded = (host: string, command: string, cause?: unknown): Error =>
  new Error(`${host}: ${command}\ndid not end by itself`, { cause });

/** Runs a command in a session of its own, whose shell begins and ends with it. */
export const session = async (
  host: string,
  command: string,
  { input, timeout = DEFAULT_TIMEOUT_MS }: RunOptions = {},
): Promise<Result> => {
  const [program, ...words] = sshTo(host, command);
  const result = await execa(program, words, {
    ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    timeout,
    reject: false,
    stripFinalNewline: false,
  });
  if (result.exitCode === undefined) throw notEnded(host, command, result);
  return {
    stdout: result.stdout,
    stderr: result.stderr,
    exitCode: result.exitCode,
  };
};

/** Shells that wait for a command, by host. */
const idle = new Map<string, Shell[]>();

/** Runs a command in a session that is there, or in its own where it reads something. */
export const ssh = async (
  host: string,
  command: string,
  options: RunOptions = {},
): Promise<Result> => {
  if (options.input !== undefined) return await session(host, command, options);
  const shells = (idle.get(host) ?? []).filter(({ isOpen }) => isOpen);
  const shell = shells.pop() ?? new Shell(sshTo(host, 'exec bash'));
  idle.set(host, shells);
  const result = await shell.run(command, options.timeout ?? DEFAULT_TIMEOUT_MS);
  if (result === undefined) throw notEnded(host, command);
  idle.get(host)?.push(shell);
  return result;
};
