import { lab } from './lab.ts';

/** The network between src and dst. What a test does to it, it undoes: join, clear. */
export const wire = {
  /** Silence: nothing arrives and nothing is refused. */
  cut: async (): Promise<void> => lab('cut'),
  join: async (): Promise<void> => lab('join'),
  /** Milliseconds there and back. */
  delay: async (ms: number): Promise<void> => lab('delay', String(ms)),
  /** Percent of the packets, each way. */
  loss: async (percent: number): Promise<void> => lab('loss', String(percent)),
  /** kbit/s, each way. */
  rate: async (kbit: number): Promise<void> => lab('rate', String(kbit)),
  /** No delay, loss or rate. */
  clear: async (): Promise<void> => lab('clear'),
};
