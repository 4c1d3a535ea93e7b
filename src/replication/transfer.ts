import { asZferryError, failure, type ZferryError } from '../errors.ts';
import { nothingReported, type ReceiveReport } from '../hosts/agent-report.ts';
import type { AgentSession, ReceiveInstruction } from '../hosts/agent-session.ts';
import { compressors } from '../hosts/compressors.ts';
import { watchForStall } from '../hosts/liveness.ts';
import { closePipes, makePipes } from '../hosts/pipe.ts';
import { type Stage, startPipeline } from '../hosts/pipeline.ts';
import type { RemotePlace } from '../hosts/place.ts';
import type { Tether } from '../hosts/tether.ts';
import { parseSendLine } from '../zfs/send.ts';
import { transferFailure } from './cause.ts';
import type { Progress } from './observer.ts';

/** What goes over the wire, and how. */
export interface Transfer {
  readonly target: RemotePlace;
  /** The whole command, `zfs send` or `sudo -n zfs send`. */
  readonly send: readonly [string, ...string[]];
  readonly instruction: ReceiveInstruction;
  /** The command that limits the rate on the wire. */
  readonly limiter: readonly [string, ...string[]] | undefined;
  readonly onProgress: (progress: Progress) => void;
}

/** How a transfer went: the error it ended with, if any, and what the target has now. */
export interface TransferResult {
  readonly error: ZferryError | undefined;
  readonly report: ReceiveReport;
  /** Bytes of the stream. */
  readonly bytes: number;
}

const stagesOf = (
  { send, instruction, limiter }: Transfer,
  onLine: (line: string) => boolean,
): readonly Stage[] => [
  { argv: send, onLine },
  ...(instruction.compression === 'none'
    ? []
    : [{ argv: compressors[instruction.compression].compress }]),
  ...(limiter === undefined ? [] : [{ argv: limiter }]),
];

const progressReader = (onProgress: Transfer['onProgress']) => {
  let progress: Progress = { sent: 0, total: undefined };
  const onLine = (line: string): boolean => {
    const read = parseSendLine(line);
    if (read === undefined) return false;
    if (read !== 'header') {
      progress = { ...progress, ...read };
      onProgress(progress);
    }
    return true;
  };
  return { onLine, latest: () => progress };
};

/** What the target reported; nothing, and why, where it could not be listened to. */
const hear = async (
  report: Promise<ReceiveReport>,
): Promise<{ readonly report: ReceiveReport; readonly error?: ZferryError }> => {
  try {
    return { report: await report };
  } catch (error) {
    return { report: nothingReported, error: asZferryError(error) };
  }
};

/**
 * Sends one stream and waits until every process on both sides has ended. Never throws for a transfer
 * that failed: the result has the error, and what the target says it has now, when it could still say so.
 * What it throws, it throws before the first byte.
 */
export const transfer = async (
  session: Pick<AgentSession, 'receive' | 'kill'>,
  work: Transfer,
  tether: Tether,
): Promise<TransferResult> => {
  const stalled = new AbortController();
  const reins: Tether = { ...tether, signal: AbortSignal.any([tether.signal, stalled.signal]) };
  const progress = progressReader(work.onProgress);
  const stages = stagesOf(work, progress.onLine);
  const pipes = await makePipes(stages.length - 1, reins);
  const receiving = await session.receive(work.instruction).catch((reason: unknown) => {
    closePipes(pipes);
    throw reason;
  });
  const children = startPipeline(stages, pipes, receiving.input, reins);
  // The limiter looks at its clock all the time: that is no sign of life.
  const working = work.limiter === undefined ? children : children.slice(0, -1);
  const pids = working.flatMap(({ process }) => process.pid ?? []);
  const sent = () => String(progress.latest().sent);
  const endWatch = watchForStall(pids, [sent, receiving.pulse], tether, () => {
    const limit = Math.round(tether.stall / 1000);
    stalled.abort(failure(`nothing moved for ${limit} s: the transfer was given up`));
    session.kill();
  });
  const endings = await Promise.all(children.map(({ ended }) => ended));
  const [ssh, heard] = await Promise.all([receiving.ssh, hear(receiving.report)]);
  endWatch();
  const { report } = heard;
  const end = {
    ...{ target: work.target, stages: endings, ssh, report },
    isCompressed: work.instruction.compression !== 'none',
  };
  const error = reins.signal.aborted
    ? asZferryError(reins.signal.reason)
    : (heard.error ?? transferFailure(end));
  return { error, report, bytes: report.bytes ?? progress.latest().sent };
};
