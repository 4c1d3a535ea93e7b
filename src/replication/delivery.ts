import type { TargetDataset, TargetGlimpse } from '../hosts/target-facts.ts';
import type { Snapshot, SourceGlimpse, SourceListing } from '../zfs/listing.ts';
import type { Guid } from '../zfs/names.ts';
import type { Base, Stream } from '../zfs/send.ts';

/** What is ready to be sent: the snapshot is there, and bookmarked for the target. */
export interface Delivery {
  /** The snapshots of others that are sent before it, each a step from the one before. */
  readonly before: readonly Delivery[];
  /** True for one of those, and for a stream of one that goes on: what the cycle is for is still to come. */
  readonly isCargo: boolean;
  readonly stream: Stream;
  readonly sent: Snapshot;
  /** With the new snapshot and its bookmark. */
  readonly source: SourceListing | SourceGlimpse;
  readonly target: TargetDataset | TargetGlimpse | undefined;
  readonly base: Base | undefined;
  /** guid of the base that the new snapshot replaces. */
  readonly replaced: Guid | undefined;
  /** Full names of what was made for this delivery and is worth nothing when it does not begin. */
  readonly made: readonly string[];
  /** What a reader of the log should know of it. */
  readonly notes: readonly string[];
}
