import { execa } from 'execa';
import { NAMESPACE } from './lab.ts';
import { STATE } from './labs.ts';

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  /** Of the command; 255 also when the host did not answer or went away. */
  readonly exitCode: number;
}

export interface RunOptions {
  /** What the command reads; nothing when not given. */
  readonly input?: string | Uint8Array;
  /** Milliseconds after which the command is given up, 60 s unless given. */
  readonly timeout?: number;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * Straight to ssh, without the lab's bash script in between: this is called hundreds
 * of times. The kept connection of the lab does the work; the namespace only matters
 * when that connection is gone and ssh has to make its own.
 */
export const ssh = async (
  host: string,
  command: string,
  { input, timeout = DEFAULT_TIMEOUT_MS }: RunOptions = {},
): Promise<Result> => {
  const result = await execa(
    'nsenter',
    [`--net=/run/netns/${NAMESPACE}`, 'ssh', '-F', `${STATE}/ssh/config`, host, command],
    {
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
      timeout,
      reject: false,
      stripFinalNewline: false,
    },
  );
  if (result.exitCode === undefined) {
    throw new Error(`${host}: ${command}\ndid not end by itself`, {
      cause: result,
    });
  }
  return {
    stdout: result.stdout,
    stderr: result.stderr,
    exitCode: result.exitCode,
  };
};
