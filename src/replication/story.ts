import type { Compression } from '../hosts/compressors.ts';
import type { Guid, SnapshotLabel } from '../zfs/names.ts';
import type { Kept } from './snapshot.ts';

/** What is known of a cycle so far; whatever becomes of it, the log line is written from this. */
export interface Story {
  snapshot?: SnapshotLabel;
  guid?: Guid;
  kind?: 'full' | 'incremental' | 'resumed';
  /** Full name of the base on the source. */
  base?: string;
  compression?: Compression;
  /** Whether blocks go as they are on the disk. */
  asStored?: boolean;
  /** Whether an encrypted source goes as it is. */
  raw?: boolean;
  /** What a reader of the log should know beside the outcome. */
  notes: string[];
  /** Bytes of the stream, once it has been sent. */
  bytes?: number;
  /** How many snapshots of others have arrived with it. */
  carried?: number;
  /** What could not be pruned, on either side. */
  kept: readonly Kept[];
}
