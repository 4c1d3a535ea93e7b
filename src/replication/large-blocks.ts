import { refusal, ZferryError } from '../errors.ts';
import type { ReceiveReport } from '../hosts/receive-report.ts';
import type { SourceTraits } from '../zfs/listing.ts';
import type { Stream } from '../zfs/send.ts';
import { wantsLargeBlocks } from './cause.ts';
import { sendAnew, where } from './hints.ts';
import { recordStream } from './series-stream.ts';
import type { Arrival } from './situation.ts';

/** The target has large blocks, and got a stream without: the record says so now, and the next stream has them. */
export class LargeBlocksLearned extends ZferryError {
  constructor({ kind, message, hint }: ZferryError) {
    super(kind, message, hint);
  }
}

/**
 * What to throw where the target has just refused a stream for its lack of large blocks; undefined where it has not.
 * A series without `-L` is recorded as one that is sent with it, and a second session sends it so. Only zfs itself can
 * tell, and it refuses before anything is written: a guess could add `-L` to a series without, which has corrupted
 * files (openzfs #6224). With `-L` the source has none to send: it was received without, and took the place of the other.
 */
export const largeBlocksProblem = async (
  situation: Arrival,
  { stream, source }: { readonly stream: Stream; readonly source: SourceTraits },
  report: ReceiveReport,
  problem: ZferryError,
): Promise<ZferryError | undefined> => {
  if (stream.kind !== 'incremental' || !wantsLargeBlocks(report)) return undefined;
  if (stream.largeBlocks || stream.raw) {
    const { request } = situation;
    const { pair } = request;
    return refusal(
      `${where(pair)} has large blocks and ${pair.source.dataset} has not: zfs takes no increment of one for the other`,
      sendAnew(request),
    );
  }
  await recordStream(situation, source);
  return new LargeBlocksLearned(problem);
};
