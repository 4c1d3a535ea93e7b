/** Bytes of the stream that zfs has sent, and about how many there will be. */
export interface Progress {
  readonly sent: number;
  readonly total: number | undefined;
}

/** Who watches a cycle. */
export interface Observer {
  /** A step begins. */
  readonly step: (text: string) => void;
  /** Something is about to be given up or destroyed because the person asked for it. */
  readonly announce: (text: string) => void;
  readonly progress: (progress: Progress) => void;
}
