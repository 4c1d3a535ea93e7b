import { usageError } from '../errors.ts';
import type { TargetFacts } from '../hosts/agent-report.ts';
import type { Compression } from '../hosts/compressors.ts';
import { isInstalled } from '../hosts/environment.ts';
import { limiter } from '../hosts/limiter.ts';
import { hostShown } from '../hosts/place.ts';
import type { Request } from './request.ts';

/** What stands between `zfs send` and ssh. */
export interface Wire {
  readonly compression: Compression;
  /** Why that is not the usual compression. */
  readonly note: string | undefined;
  /** The command that holds `--rate`. */
  readonly limiter: readonly [string, ...string[]] | undefined;
}

const chooseCompression = (request: Request, facts: TargetFacts): Omit<Wire, 'limiter'> => {
  const { wanted, named } = request.compression;
  if (wanted === 'none') return { compression: 'none', note: undefined };
  const missing = [
    ...(isInstalled(wanted) ? [] : ['this host']),
    ...(facts.decompressors.has(wanted) ? [] : [hostShown(request.pair.target.host)]),
  ];
  if (missing.length === 0) return { compression: wanted, note: undefined };
  const where = missing.join(' and ');
  if (named) {
    throw usageError(
      `${wanted} is not installed on ${where}`,
      `install it there (apt install ${wanted}), or use --compress none`,
    );
  }
  return { compression: 'none', note: `not compressed: no ${wanted} on ${where}` };
};

/**
 * Chooses what both sides have. Throws a usage error when the compressor that the person named is missing
 * on a side, or `--rate` has nothing to hold it; the default compressor gives way to none.
 */
export const chooseWire = (request: Request, facts: TargetFacts): Wire => ({
  ...chooseCompression(request, facts),
  limiter: request.rate === undefined ? undefined : limiter(request.rate),
});
