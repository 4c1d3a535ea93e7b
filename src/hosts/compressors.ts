import { usageError } from '../errors.ts';
import { shown } from '../zfs/names.ts';

/** A program that both ends can put into the stream, and the arguments for each direction. */
interface Compressor {
  readonly compress: readonly [string, ...string[]];
  readonly decompress: readonly [string, ...string[]];
}

/** Fastest levels: the wire is what they have to beat, and the source has other work. */
export const compressors = {
  lzop: { compress: ['lzop', '-1c'], decompress: ['lzop', '-dc'] },
  zstd: { compress: ['zstd', '-q', '-1', '-c'], decompress: ['zstd', '-q', '-dc'] },
  lz4: { compress: ['lz4', '-q', '-1', '-c'], decompress: ['lz4', '-q', '-dc'] },
  gzip: { compress: ['gzip', '-1', '-c'], decompress: ['gzip', '-dc'] },
} as const satisfies Record<string, Compressor>;

export type CompressorName = keyof typeof compressors;

/** What stands in a stream. */
export type Compression = CompressorName | 'none';

/** What `--compress` takes. `auto` leaves the choice to what the dataset and the hosts say. */
export type WantedCompression = Compression | 'auto';

export const compressorNames = Object.keys(compressors) as readonly CompressorName[];

/** What `auto` takes first: zstd makes far smaller streams than the others, and is faster than most wires. */
export const preferredCompressors: readonly CompressorName[] = ['zstd', 'lzop', 'lz4', 'gzip'];

export const isCompressorName = (text: string): text is CompressorName =>
  Object.hasOwn(compressors, text);

/** Reads the value of `--compress`. Throws a usage error. */
export const parseCompression = (text: string): WantedCompression => {
  if (text === 'none' || text === 'auto' || isCompressorName(text)) return text;
  throw usageError(
    `unknown compressor '${shown(text)}'`,
    `--compress takes ${compressorNames.join(', ')}, auto or none`,
  );
};
