import { ZferryError } from '../errors.ts';
import type { ReceiveReport } from '../hosts/receive-report.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import { refusesStream } from './cause.ts';
import type { Delivery } from './delivery.ts';
import type { Arrival } from './situation.ts';
import { lookIntoToken } from './survey.ts';

/**
 * A partial receive that will never be completed: zfs on the target refuses the very stream that continues
 * it, and got no further. A snapshot made on the target meanwhile does that, and openzfs #15394.
 */
export class StuckPartial extends ZferryError {
  /** Names that partial receive and no other. */
  readonly token: string;

  constructor({ kind, message, hint }: ZferryError, token: string) {
    super(kind, message, hint);
    this.token = token;
  }
}

/** Only the place in the stream tells: zfs miscounts the bytes that it had before. */
const isNoFurther = async (zfs: Zfs, before: string, after: string): Promise<boolean> => {
  if (before === after) return true;
  const was = await lookIntoToken(zfs, before);
  const is = await lookIntoToken(zfs, after);
  return was !== undefined && was.toGuid === is?.toGuid && was.position === is.position;
};

/** What to throw instead of the problem that ended a transfer, where that was a partial receive that is stuck. */
export const stuckPartial = async (
  { zfs, stuck, tether }: Arrival,
  { stream }: Delivery,
  report: ReceiveReport,
  problem: ZferryError,
): Promise<StuckPartial | undefined> => {
  const { resumeToken } = report;
  if (stream.kind !== 'resume' || resumeToken === undefined || stuck !== undefined)
    return undefined;
  if (tether.signal.aborted || !refusesStream(report)) return undefined;
  if (!(await isNoFurther(zfs, stream.token, resumeToken))) return undefined;
  return new StuckPartial(problem, resumeToken);
};
