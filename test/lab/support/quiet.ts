import { dst, src } from './host.ts';

/** No process of a run that pulled from dst is left on either host, its connection to the source included. */
export const isQuiet = async (seconds: number): Promise<void> => {
  const none = '! pgrep -x zfs && ! pgrep -x lzop';
  await dst.until(none, seconds * 1_000);
  await src.until(`${none} && ! pgrep -f '^ssh: .*mux'`, seconds * 1_000);
};
