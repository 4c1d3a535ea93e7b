import type { ChildProcess } from 'node:child_process';
import { failure } from '../errors.ts';
import { type Child, type Ending, startChild } from './child.ts';
import type { Tether } from './tether.ts';

/** One process of the pipeline; `onLine` takes the lines of its standard error that are no complaints. */
export interface Stage {
  readonly argv: readonly [string, ...string[]];
  readonly onLine?: (line: string) => boolean;
}

type Writable = NonNullable<ChildProcess['stdin']>;

const startInto = (stage: Stage, output: Writable, isFirst: boolean, tether: Tether): Child => {
  const child = startChild(
    stage.argv,
    [isFirst ? 'ignore' : 'pipe', output],
    tether,
    stage.onLine ?? (() => false),
  );
  // The stage has its own copy now. destroy() closes this one; end() would shut the socket down for both.
  output.destroy();
  return child;
};

/**
 * Starts the stages, first to last, the last one writing to `output`. The bytes go from process to process
 * through the kernel: each stage's standard output is the descriptor of the next one's standard input.
 */
export const startPipeline = (
  stages: readonly Stage[],
  output: Writable,
  tether: Tether,
): readonly Child[] => {
  const children: Child[] = [];
  let next = output;
  for (const [index, stage] of [...stages.entries()].reverse()) {
    const child = startInto(stage, next, index === 0, tether);
    children.unshift(child);
    if (index === 0) break;
    const { stdin } = child.process;
    if (stdin === null) throw failure(`${stage.argv[0]} started without its pipe`);
    // Only its descriptor is of interest here; that it breaks is what the processes themselves report.
    stdin.on('error', () => undefined);
    next = stdin;
  }
  return children;
};

/** True when the process came to its end by itself with 0. */
export const succeeded = (ending: Ending): boolean => ending.exitCode === 0;
