/** How the streams of a series are sent; it stays the same from its first full send on. */
export interface SeriesStream {
  /** With `zfs send -L`: dropping it later has corrupted files (openzfs #6224). */
  readonly largeBlocks: boolean;
  /** With `zfs send -w`: encrypted, as it is on the disk. */
  readonly raw: boolean;
  /** With `zfs send -p` from the first full send on. */
  readonly properties: boolean;
}

const largeBlocks = 'large-blocks';
const raw = 'raw';
const properties = 'properties';

/** What `zferry:stream.ID` holds for such a series; every one that zferry begins has large blocks. */
export const streamRecord = (series: Pick<SeriesStream, 'raw' | 'properties'>): string =>
  [largeBlocks, ...(series.raw ? [raw] : []), ...(series.properties ? [properties] : [])].join(',');

/** Reads it; undefined where there is none: zferry did not begin that series. */
export const parseStreamRecord = (text: string | undefined): SeriesStream | undefined => {
  if (text === undefined) return undefined;
  const words = new Set(text.split(','));
  return {
    largeBlocks: words.has(largeBlocks),
    raw: words.has(raw),
    properties: words.has(properties),
  };
};
