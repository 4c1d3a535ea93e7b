import { failure, type ZferryError } from '../../errors.ts';
import type { MemberInstruction } from '../../hosts/agent-instructions.ts';
import type { Ending } from '../../hosts/child.ts';
import { parseConvoyLine } from '../../hosts/convoy-program.ts';
import { type ConvoyReport, nothingConveyed } from '../../hosts/convoy-report.ts';
import { hostShown } from '../../hosts/place.ts';
import { nothingReported, type ReceiveReport } from '../../hosts/receive-report.ts';
import { parseSendLine, sendArguments } from '../../zfs/send.ts';
import { transferFailure } from '../cause.ts';
import { instructionFor } from '../deliver.ts';
import type { Delivery } from '../delivery.ts';
import type { Progress } from '../observer.ts';
import type { Situation } from '../situation.ts';
import { type Moved, move, type TransferResult } from '../transfer.ts';
import type { Wire } from '../wire.ts';

/** One stream: of a member, or a step of it. */
export interface Passenger {
  readonly situation: Situation;
  readonly delivery: Delivery;
  readonly instruction: MemberInstruction;
}

/** More streams than that in one session, and its command line could become too long for this host. */
export const longestConvoy = 500;

/** The streams of a member that is ready, and what its target is to do with each: first what is carried over with it. */
export const passengersOf = (situation: Situation, delivery: Delivery): readonly Passenger[] =>
  [...delivery.before, delivery].map((each) => ({
    ...{ situation, delivery: each },
    instruction: instructionFor(situation, each),
  }));

/** How it went for each: undefined for one that was not begun, because the one before it failed. */
export type ConvoyResults = ReadonlyMap<Passenger, TransferResult | undefined>;

/** How a convoy went. */
export interface ConvoyEnd {
  /** Why nobody knows what arrived: the target did not come to speak to the end. Then there are no results. */
  readonly broken: ZferryError | undefined;
  readonly results: ConvoyResults;
}

/** What this side's program said of one stream. */
interface Sent {
  readonly said: string[];
  bytes: number;
  status: number | undefined;
}

/** Reads what the sending program says, stream by stream. */
class Log {
  readonly streams: Sent[] = [];
  readonly #onProgress: (progress: Progress) => void;
  #before = 0;

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  /** Bytes of all streams so far. */
  get bytes(): number {
    return this.#before + (this.streams.at(-1)?.bytes ?? 0);
  }

  /** Answers false for what it has no place for. */
  take(line: string): boolean {
    const own = parseConvoyLine(line);
    const current = this.streams.at(-1);
    if (own?.kind === 'member') {
      this.#before = this.bytes;
      this.streams.push({ said: [], bytes: 0, status: undefined });
      return true;
    }
    if (current === undefined) return false;
    if (own?.kind === 'sent') {
      current.status = own.status;
      return true;
    }
    const read = parseSendLine(line);
    if (read === undefined) current.said.push(line);
    if (typeof read === 'object') {
      // zfs tells how far it is once a second; a stream that is shorter is as long as it was reckoned.
      current.bytes = 'sent' in read ? read.sent : current.bytes;
      this.#onProgress({ sent: this.bytes, total: undefined });
    }
    return true;
  }
}

const sendEnding = (program: Ending | undefined, sent: Sent | undefined): Ending => {
  const said = [...(sent?.said ?? []), ...(program?.said ?? [])];
  // It was the connection to the source that ended, and nobody knows how zfs did.
  if (program?.host !== undefined && sent?.status === undefined) return { ...program, said };
  const exitCode = sent?.status ?? program?.exitCode;
  return { program: 'zfs', exitCode, signal: program?.signal, said };
};

const received = (own: ReceiveReport | undefined, sent: Sent | undefined) => ({
  report: own ?? nothingReported,
  bytes: own?.bytes ?? sent?.bytes ?? 0,
});

/** What went wrong with the stream that was not received, or with what all of them went through. */
const problemOf = (
  { situation }: Passenger,
  { stages, ssh, report: { complete, decompressStatus }, error }: Moved<ConvoyReport>,
  own: ReceiveReport | undefined,
  sent: Sent | undefined,
  isCompressed: boolean,
): ZferryError | undefined => {
  if (error !== undefined) return error;
  const { target } = situation.request.pair;
  const [program, ...others] = stages;
  const report = { ...(own ?? nothingReported), decompressStatus, complete };
  return transferFailure({
    ...{ target, ssh, report, isCompressed },
    stages: [sendEnding(program, sent), ...others],
  });
};

/** What becomes of a passenger that has arrived, while others are still on their way. */
export type Arrived = (passenger: Passenger, result: TransferResult) => void;

const isArrived = (sent: Sent | undefined, own: ReceiveReport | undefined): boolean =>
  sent?.status === 0 && own?.receiveStatus === 0;

/**
 * Sends the streams of several members one behind the other through the situation's session. A member whose stream
 * was sent and received has no error, whatever became of those behind it; the first that was not has its own; those
 * behind it were not begun. `onArrived` may get those that arrived before the end, each once; the results have them too,
 * but for a convoy that is broken.
 */
export const convoy = async (
  { request, session, from, tether, observer }: Situation,
  passengers: readonly Passenger[],
  wire: Wire,
  onArrived: Arrived = () => undefined,
): Promise<ConvoyEnd> => {
  const log = new Log(observer.progress);
  const root = request.pair.target.dataset;
  const { compression, limiter } = wire;
  const streams = passengers.map(({ situation, delivery, instruction }) => ({
    target: situation.request.pair.target.dataset,
    instruction,
    send: sendArguments(situation.request.pair.source.dataset, delivery.stream),
  }));
  let told = 0;
  const onLeg = ({ streams: reports }: ConvoyReport) => {
    // The end of all follows at once, and what all of them went through.
    if (reports.length === passengers.length) return;
    // What this side has not heard yet of a stream's end is for a later time.
    for (const passenger of passengers.slice(told)) {
      const [own, sent] = [reports[told], log.streams[told]];
      if (!(own?.complete && isArrived(sent, own))) return;
      told += 1;
      onArrived(passenger, { error: undefined, ...received(own, sent) });
    }
  };
  const moved = await move(
    session,
    {
      sender: from.convoySender(root, streams, compression, tether),
      ...{ compression, limiter, nothing: nothingConveyed },
      onLine: (line) => log.take(line),
      pulse: () => String(log.bytes),
      receive: () => session.convoy(compression, onLeg),
    },
    tether,
  );
  const isCompressed = compression !== 'none';
  if (!moved.report.complete) {
    // The stream that it was at tells best what happened.
    const at = Math.max(0, log.streams.length - 1);
    const passenger = passengers[at];
    const own = moved.report.streams[at];
    const problem = passenger && problemOf(passenger, moved, own, log.streams[at], isCompressed);
    const broken = problem ?? failure(`${hostShown(request.pair.target.host)} fell silent`);
    return { broken, results: new Map() };
  }
  const results = new Map<Passenger, TransferResult | undefined>();
  let isStopped = false;
  for (const [index, passenger] of passengers.entries()) {
    const own = moved.report.streams[index];
    const sent = log.streams[index];
    const hasArrived = isArrived(sent, own);
    const isLast = index === passengers.length - 1;
    if (isStopped) {
      results.set(passenger, undefined);
    } else if (hasArrived && !isLast) {
      results.set(passenger, { error: undefined, ...received(own, sent) });
    } else {
      // What all streams went through is the last one's matter too.
      const problem = problemOf(passenger, moved, own, sent, isCompressed);
      const error = hasArrived ? problem : (problem ?? failure('the stream did not arrive'));
      results.set(passenger, { error, ...received(own, sent) });
    }
    isStopped ||= !hasArrived;
  }
  return { broken: undefined, results };
};
