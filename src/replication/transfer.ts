import { asZferryError, failure, type ZferryError } from '../errors.ts';
import type { ReceiveInstruction } from '../hosts/agent-instructions.ts';
import type { AgentSession, Receiving } from '../hosts/agent-session.ts';
import type { Ending } from '../hosts/child.ts';
import { type Compression, compressors } from '../hosts/compressors.ts';
import { watchForStall } from '../hosts/liveness.ts';
import { closePipes, makePipes } from '../hosts/pipe.ts';
import { type Stage, startPipeline } from '../hosts/pipeline.ts';
import type { Place } from '../hosts/place.ts';
import { nothingReported, type ReceiveReport } from '../hosts/receive-report.ts';
import type { Sender } from '../hosts/sender.ts';
import type { Tether } from '../hosts/tether.ts';
import { parseSendLine } from '../zfs/send.ts';
import { transferFailure } from './cause.ts';
import type { Progress } from './observer.ts';

/** What goes over the wire, and how. */
export interface Transfer {
  readonly target: Place;
  readonly sender: Sender;
  readonly instruction: ReceiveInstruction;
  /** The command that limits the rate on the wire. */
  readonly limiter: readonly [string, ...string[]] | undefined;
  readonly onProgress: (progress: Progress) => void;
  /** Is called when all processes of the stream have ended with 0 and the target has said what it has now, before it prunes. */
  readonly onArrived: (report: ReceiveReport) => void;
}

/** How a transfer went: the error it ended with, if any, and what the target has now. */
export interface TransferResult {
  readonly error: ZferryError | undefined;
  readonly report: ReceiveReport;
  /** Bytes of the stream. */
  readonly bytes: number;
}

const stagesOf = <Report>({
  sender,
  onLine,
  compression,
  limiter,
}: Load<Report>): readonly Stage[] => [
  { argv: sender.argv, input: sender.input, onLine: (line) => sender.hear(line, onLine) },
  ...(sender.filter === undefined ? [] : [{ argv: sender.filter }]),
  ...(compression === 'none' || sender.packs ? [] : [{ argv: compressors[compression].compress }]),
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
const hear = async <Report>(
  report: Promise<Report>,
  nothing: Report,
): Promise<{ readonly report: Report; readonly error?: ZferryError }> => {
  try {
    return { report: await report };
  } catch (error) {
    return { report: nothing, error: asZferryError(error) };
  }
};

/** What is to be moved, and who takes it. */
export interface Load<Report> {
  /** The command that writes the bytes. */
  readonly sender: Sender;
  /** Takes the lines of its standard error that are no complaints. */
  readonly onLine: (line: string) => boolean;
  /** Changes as long as it is known to get on. */
  readonly pulse: () => string;
  readonly compression: Compression;
  /** The command that limits the rate on the wire. */
  readonly limiter: readonly [string, ...string[]] | undefined;
  readonly receive: () => Promise<Receiving<Report>>;
  /** The report of a target that nobody could listen to. */
  readonly nothing: Report;
  /** Is called with what the target has reported before it prunes, when all processes here have ended with 0. */
  readonly onArrived?: ((report: Report) => void) | undefined;
}

/** How every process ended, and what the target reported. */
export interface Moved<Report> {
  /** Of the source, first to last. */
  readonly stages: readonly Ending[];
  readonly ssh: Ending;
  readonly report: Report;
  /** Why it was broken off, or the target could not be listened to; says nothing of how the processes ended. */
  readonly error: ZferryError | undefined;
}

/** Moves bytes until every process on both sides has ended. What it throws, it throws before the first byte. */
export const move = async <Report>(
  session: Pick<AgentSession, 'kill'>,
  load: Load<Report>,
  tether: Tether,
): Promise<Moved<Report>> => {
  const stalled = new AbortController();
  const reins: Tether = { ...tether, signal: AbortSignal.any([tether.signal, stalled.signal]) };
  const row = stagesOf(load);
  const pipes = await makePipes(row.length - 1, reins);
  const receiving = await load.receive().catch((reason: unknown) => {
    closePipes(pipes);
    throw reason;
  });
  const children = startPipeline(row, pipes, receiving.input, reins);
  // The limiter looks at its clock all the time: that is no sign of life.
  const working = load.limiter === undefined ? children : children.slice(0, -1);
  const pids = working.flatMap(({ process }) => process.pid ?? []);
  const endWatch = watchForStall(
    pids,
    [load.pulse, load.sender.pulse, receiving.pulse],
    tether,
    () => {
      const limit = Math.round(tether.stall / 1000);
      stalled.abort(failure(`nothing moved for ${limit} s: the transfer was given up`));
      session.kill();
    },
  );
  const [first, ...others] = await Promise.all(children.map(({ ended }) => ended));
  const stages = first === undefined ? [] : [...load.sender.endings(first), ...others];
  const arrived = await hear(receiving.arrived, load.nothing);
  const isDone = !reins.signal.aborted && stages.every(({ exitCode }) => exitCode === 0);
  if (isDone && arrived.error === undefined) load.onArrived?.(arrived.report);
  const [ssh, heard] = await Promise.all([receiving.ssh, hear(receiving.report, load.nothing)]);
  endWatch();
  const error = reins.signal.aborted ? asZferryError(reins.signal.reason) : heard.error;
  return { stages, ssh, report: heard.report, error };
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
  const progress = progressReader(work.onProgress);
  const { sender, limiter, instruction, target } = work;
  const { compression } = instruction;
  const isCompressed = compression !== 'none';
  const load: Load<ReceiveReport> = {
    ...{ sender, limiter, compression, nothing: nothingReported },
    onLine: progress.onLine,
    pulse: () => String(progress.latest().sent),
    receive: () => session.receive(instruction),
    onArrived: (early) => {
      const { receiveStatus, decompressStatus } = early;
      const isReceived = receiveStatus === 0 && (!isCompressed || decompressStatus === 0);
      if (isReceived) work.onArrived(early);
    },
  };
  const { stages, ssh, report, error } = await move(session, load, tether);
  return {
    error: error ?? transferFailure({ target, stages, ssh, report, isCompressed }),
    report,
    bytes: report.bytes ?? progress.latest().sent,
  };
};
