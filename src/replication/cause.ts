import { userInfo } from 'node:os';
import { failure, refusal, type ZferryError } from '../errors.ts';
import type { Ending } from '../hosts/child.ts';
import { hostShown, type Place } from '../hosts/place.ts';
import type { ReceiveReport } from '../hosts/receive-report.ts';
import { sessionFailure, sshFailure } from '../hosts/ssh-failure.ts';
import { parentOf } from '../zfs/names.ts';
import { primerGrants } from '../zfs/rights.ts';
import { allowLines } from './hints.ts';

/** How every process of a transfer ended. */
export interface TransferEnd {
  readonly target: Place;
  /** First to last: zfs send, the compressor, the rate limiter. */
  readonly stages: readonly Ending[];
  /** The process that led to the agent. */
  readonly ssh: Ending;
  readonly report: ReceiveReport;
  readonly isCompressed: boolean;
}

/** What a process says when the one behind it in the pipeline went away first. */
const brokenPipe = /broken pipe|connection reset by peer|EPIPE|write error|Invalid argument/i;
/**
 * What `zfs receive` and decompressors say when the stream in front of them broke off (lzop 1.04 blames an
 * ioctl that it did before).
 */
const brokenStream =
  /failed to read from stream|incomplete stream|partially complete|Partially received snapshot is saved|A resuming stream can be generated|zfs send -t|unexpected end|premature end|unfinished stream|truncated|Inappropriate ioctl for device: <stdin>|not a (lzop|gzip) file|checksum mismatch/i;

const endedBy = ({ program, exitCode, signal }: Ending): string =>
  signal === undefined
    ? `${program} ended with ${exitCode ?? 'an error'}`
    : `${program} was ended by ${signal}`;

/** The words of a process that tell the reason, and not what followed from another's end. */
const reasonIn = (said: readonly string[], consequence: RegExp): string | undefined => {
  const telling = said.filter(
    (line) => !(consequence.test(line) || /^(receiving|received|successfully) /.test(line)),
  );
  return telling.length === 0 ? undefined : telling.join(' ').trim();
};

/** True where `zfs receive` itself found the target's head changed. */
export const saysChanged = ({ said }: ReceiveReport): boolean =>
  said.some((line) => line.includes('has been modified'));

/** True where `zfs receive` found large blocks in the target, and none allowed in the stream. */
export const wantsLargeBlocks = ({ said }: ReceiveReport): boolean =>
  said.some((line) => line.includes('incremental send stream requires -L'));

/** Reasons of a failed receive that may be gone the next time. */
const passing =
  /space|quota|I\/O error|busy|permission|not permitted|memory|interrupted|suspended|read-?only|does not exist|no such|timed? ?out|has been modified|checksum|corrupt|bad magic|^(lzop|zstd|lz4|gzip):/i;

/** True where `zfs receive` took no offence at anything but the stream itself, which will be the same the next time. */
export const refusesStream = ({ complete, receiveStatus, said }: ReceiveReport): boolean => {
  const reason = reasonIn(said, brokenStream);
  return complete && receiveStatus !== 0 && reason !== undefined && !passing.test(reason);
};

const allow = ({ host, dataset }: Place): string => {
  const isHere = host.kind === 'here';
  const user = isHere ? userInfo().username : (host.user ?? 'USER');
  const lines = allowLines(primerGrants(parentOf(dataset) ?? dataset), user);
  return `as root${isHere ? '' : ` on ${host.name}`}: ${lines} (or use --sudo)`;
};

const targetReason = ({ target, report }: TransferEnd): ZferryError | undefined => {
  if (!(report.receiveStatus || report.decompressStatus)) return undefined;
  const reason = reasonIn(report.said, brokenStream);
  if (reason === undefined) return undefined;
  const said = `${hostShown(target.host)}: ${reason}`;
  if (reason.includes('permission denied')) return failure(said, allow(target));
  if (saysChanged(report) || /does not\s+match incremental source/.test(reason))
    return refusal(said);
  return failure(said);
};

const sourceReason = ({ stages }: TransferEnd): ZferryError | undefined => {
  for (const ending of stages) {
    if (ending.exitCode === 0) continue;
    if (ending.host !== undefined) return sshFailure(ending.host, ending);
    const reason = reasonIn(ending.said, brokenPipe);
    if (reason !== undefined) return failure(reason);
  }
  return undefined;
};

/** Killed, and not by the pipe that broke: then that is the reason itself, whatever the target makes of the rest. */
const killedStage = ({ stages }: TransferEnd): ZferryError | undefined => {
  const killed = stages.find(({ signal }) => signal !== undefined && signal !== 'SIGPIPE');
  return killed && failure(endedBy(killed));
};

/**
 * Why a transfer failed, in the words of the process that failed first; undefined when every one of them
 * ended with 0. When one process goes, its neighbours complain too: theirs is only said when nobody else's is.
 */
export const transferFailure = (end: TransferEnd): ZferryError | undefined => {
  const { stages, ssh, report, target } = end;
  const statuses = [
    ...stages.map(({ exitCode }) => exitCode),
    ssh.exitCode,
    report.receiveStatus,
    ...(end.isCompressed ? [report.decompressStatus] : []),
  ];
  if (report.complete && statuses.every((status) => status === 0)) return undefined;
  const known = killedStage(end) ?? targetReason(end) ?? sourceReason(end);
  if (known !== undefined) return known;
  if (ssh.exitCode !== 0) return sessionFailure(target.host, ssh);
  const first = stages.find(({ exitCode }) => exitCode !== 0);
  if (first !== undefined) return failure([endedBy(first), ...first.said].join(': '));
  return failure(
    `${hostShown(target.host)}: ${report.said.join(' ') || 'the stream did not arrive'}`,
  );
};
