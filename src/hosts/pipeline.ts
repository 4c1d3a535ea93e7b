import { closeSync } from 'node:fs';
import { type Child, startChild } from './child.ts';
import { closePipes, type Pipe } from './pipe.ts';
import type { Tether } from './tether.ts';

/** One process of the pipeline; `onLine` takes the lines of its standard error that are no complaints. */
export interface Stage {
  readonly argv: readonly [string, ...string[]];
  readonly onLine?: (line: string) => boolean;
  /** What the first of them reads; nothing unless given. */
  readonly input?: string | undefined;
}

/**
 * Starts the stages, the first reading its input and the last writing to the descriptor `output`, with one of
 * the pipes between each and the next. The bytes go from process to process through the kernel; this
 * process closes its own copies of all those ends, so that each stage sees the end of the one before.
 */
export const startPipeline = (
  stages: readonly Stage[],
  pipes: readonly Pipe[],
  output: number,
  tether: Tether,
): readonly Child[] => {
  const first = stages[0]?.input === undefined ? ('ignore' as const) : ('pipe' as const);
  const inputs = [first, ...pipes.map(({ readEnd }) => readEnd)];
  const outputs = [...pipes.map(({ writeEnd }) => writeEnd), output];
  try {
    return stages.map(({ argv, onLine, input }, index) =>
      startChild(argv, [inputs[index] ?? 'ignore', outputs[index] ?? 'ignore'], tether, {
        onLine,
        input,
      }),
    );
  } finally {
    closePipes(pipes);
    closeSync(output);
  }
};
