/**
 * What ties the processes of a run to it. Every child inherits the lock's descriptor, so that the lock
 * lasts as long as the last of them; the signal ends them all.
 */
export interface Tether {
  /** Descriptors that hold this run's locks. */
  readonly locks: readonly number[];
  /** Aborted when the run is to end; its reason is the error that the run ends with. */
  readonly signal: AbortSignal;
  /** How long (milliseconds) a command may take, or a transfer may stand still. */
  readonly stall: number;
}
