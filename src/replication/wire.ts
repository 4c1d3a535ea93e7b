import { usageError } from '../errors.ts';
import { type Compression, preferredCompressors } from '../hosts/compressors.ts';
import { limiter } from '../hosts/limiter.ts';
import { hostShown } from '../hosts/place.ts';
import type { SourceHost } from '../hosts/source-host.ts';
import type { HostFacts } from '../hosts/target-facts.ts';
import type { SourceTraits } from '../zfs/listing.ts';
import type { Stream } from '../zfs/send.ts';
import type { Request } from './request.ts';

/** What stands between `zfs send` and ssh. */
export interface Wire {
  readonly compression: Compression;
  /** Why that is not the usual compression, or what `auto` came to. */
  readonly note: string | undefined;
  /** The command that holds `--rate`. */
  readonly limiter: readonly [string, ...string[]] | undefined;
}

const isWithinHost = ({ pair }: Request): boolean =>
  pair.source.host.kind === 'here' && pair.target.host.kind === 'here';

const chooseCompression = (
  request: Request,
  facts: HostFacts,
  from: Pick<SourceHost, 'has'>,
): Omit<Wire, 'limiter'> => {
  const { wanted, named } = request.compression;
  if (wanted === 'none') return { compression: 'none', note: undefined };
  if (wanted === 'auto') {
    // Nothing is gained by fewer bytes where there is no wire.
    if (isWithinHost(request)) return { compression: 'none', note: undefined };
    const best = preferredCompressors.find(
      (name) => from.has(name) && facts.decompressors.has(name),
    );
    return { compression: best ?? 'none', note: undefined };
  }
  const missing = new Set([
    ...(from.has(wanted) ? [] : [hostShown(request.pair.source.host)]),
    ...(facts.decompressors.has(wanted) ? [] : [hostShown(request.pair.target.host)]),
  ]);
  if (missing.size === 0) return { compression: wanted, note: undefined };
  const where = [...missing].join(' and ');
  if (named) {
    throw usageError(
      `${wanted} is not installed on ${where}`,
      `install it there (apt install ${wanted}), or use --compress none`,
    );
  }
  return { compression: 'none', note: `not compressed: no ${wanted} on ${where}` };
};

/**
 * Chooses what both sides have; for `auto` that is a proposal, which {@link fitted} holds against the data.
 * Throws a usage error when the compressor that the person named is missing on a side, or `--rate` has
 * nothing to hold it; the default compressor gives way to none.
 */
export const chooseWire = (
  request: Request,
  facts: HostFacts,
  from: Pick<SourceHost, 'has'>,
): Wire => ({
  ...chooseCompression(request, facts, from),
  limiter: request.rate === undefined ? undefined : limiter(request.rate),
});

/** Blocks that ZFS itself makes smaller; zle only squeezes zeros out. */
const isCompressed = ({ compression }: SourceTraits): boolean =>
  compression !== 'off' && compression !== 'zle';

/** Of such blocks no compressor makes anything smaller. */
const isDense = ({ compression }: SourceTraits): boolean => /^(zstd|gzip)/.test(compression);

/** Less is not worth a compressor's time. */
const leastRatio = 1.05;

/**
 * Whether a new stream's blocks go as they are on the disk (`zfs send -e -c`): with `auto`, where the target's
 * pool takes them whatever compressed them. What older blocks are compressed with, no property tells.
 */
export const goesAsStored = (
  { compression }: Request,
  source: SourceTraits,
  facts: HostFacts,
): boolean => compression.wanted === 'auto' && isCompressed(source) && facts.takesStored;

const autoCompression = (
  { compression: best }: Wire,
  request: Request,
  source: SourceTraits,
  { asStored, raw }: Pick<Stream, 'asStored' | 'raw'>,
): Omit<Wire, 'limiter'> => {
  if (raw) return { compression: 'none', note: 'sent raw (encrypted)' };
  const stored = `${source.compression}, ${source.ratio.toFixed(2)}x`;
  const how = asStored ? `sent as stored (${stored})` : undefined;
  if (isCompressed(source) && source.ratio < leastRatio) {
    return {
      compression: 'none',
      note: how ?? `not compressed: the data gets no smaller (${stored})`,
    };
  }
  // A rate says that bytes are dear: zstd takes 30 % off what lz4 left.
  if (how !== undefined && (request.rate === undefined || isDense(source))) {
    return { compression: 'none', note: how };
  }
  if (isWithinHost(request)) {
    return { compression: 'none', note: how ?? 'not compressed: both are on this host' };
  }
  if (best === 'none') {
    return { compression: best, note: how ?? 'not compressed: no compressor that both hosts have' };
  }
  return { compression: best, note: how === undefined ? best : `${how} through ${best}` };
};

/**
 * The wire for a stream. `auto` compresses only what gets smaller by that, and notes what it came to. Nothing makes
 * what is encrypted smaller: there only a compressor that the person named is used.
 */
export const fitted = (
  wire: Wire,
  request: Request,
  source: SourceTraits,
  stream: Pick<Stream, 'asStored' | 'raw'>,
): Wire => {
  const { wanted, named } = request.compression;
  if (wanted !== 'auto') {
    return stream.raw && !named ? { ...wire, compression: 'none', note: undefined } : wire;
  }
  const { compression, note } = autoCompression(wire, request, source, stream);
  return { ...wire, compression, note: `auto: ${note}` };
};
