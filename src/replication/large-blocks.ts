import { ZferryError } from '../errors.ts';
import type { ReceiveReport } from '../hosts/agent-report.ts';
import type { SourceTraits } from '../zfs/listing.ts';
import type { Stream } from '../zfs/send.ts';
import { wantsLargeBlocks } from './cause.ts';
import { recordStream } from './prepare.ts';
import type { Arrival } from './situation.ts';

/** The target has large blocks, and got a stream without: the record says so now, and the next stream has them. */
export class LargeBlocksLearned extends ZferryError {
  constructor({ kind, message, hint }: ZferryError) {
    super(kind, message, hint);
  }
}

/**
 * Records that the series is sent with `-L` where the target has just refused a stream without, and answers what a
 * second session can mend; undefined where there is nothing to learn. Only zfs itself can tell, and it refuses before
 * anything is written: a guess could add `-L` to a series without, which has corrupted files (openzfs #6224).
 */
export const learnLargeBlocks = async (
  situation: Arrival,
  { stream, source }: { readonly stream: Stream; readonly source: SourceTraits },
  report: ReceiveReport,
  problem: ZferryError,
): Promise<LargeBlocksLearned | undefined> => {
  if (stream.kind !== 'incremental' || stream.largeBlocks || stream.raw) return undefined;
  if (!wantsLargeBlocks(report)) return undefined;
  await recordStream(situation, source);
  return new LargeBlocksLearned(problem);
};
