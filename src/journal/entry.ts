/** The facts of one cycle, as both forms of the log tell them. Times are UTC, sizes bytes. */
interface Facts {
  /** When the line was written. */
  readonly time: Date;
  readonly verb: 'run' | 'prime';
  /** The source dataset. */
  readonly source: string;
  /** The source's host as people read it; undefined for this one. */
  readonly sourceHost?: string | undefined;
  /** The target as it was typed. */
  readonly target: string;
  /** The target's host as people read it. */
  readonly host: string;
  /** What the text log calls the target: its host, or the dataset where that is on this one. */
  readonly to: string;
  /** What stands behind `@`, where a snapshot had been made. */
  readonly snapshot: string | undefined;
  readonly seconds: number;
}

/** What is known of a stream. */
interface StreamFacts {
  readonly kind: 'full' | 'incremental' | 'resumed' | undefined;
  readonly base: string | undefined;
  readonly guid: string | undefined;
  readonly bytes: number | undefined;
  readonly compression: string | undefined;
  /** Whether blocks went as they are on the disk (`zfs send -c`). */
  readonly asStored: boolean | undefined;
  /** Whether an encrypted source was sent as it is (`zfs send -w`). */
  readonly raw: boolean | undefined;
  /** How many snapshots of others were carried over with it (`--include-snapshots`). */
  readonly carried?: number | undefined;
  readonly notes: readonly string[];
  /** Snapshots and bookmarks that were to go and are still there, with the reason. */
  readonly kept: readonly string[];
}

export interface Replicated extends Facts, StreamFacts {
  readonly result: 'replicated';
}

export interface Failed extends Facts, StreamFacts {
  readonly result: 'failed';
  readonly exitCode: number;
  readonly error: string;
  readonly hint: string | undefined;
}

export interface Skipped extends Facts {
  readonly result: 'skipped';
  /** The run that is still at work, where that is known. */
  readonly holder:
    | {
        readonly pid: number;
        readonly started: string;
        readonly sent?: number | undefined;
        readonly total?: number | undefined;
      }
    | undefined;
}

/** One line of the log. */
export type Entry = Replicated | Failed | Skipped;
