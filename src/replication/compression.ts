import { usageError } from '../errors.ts';
import type { TargetFacts } from '../hosts/agent-report.ts';
import type { Compression } from '../hosts/compressors.ts';
import { isInstalled } from '../hosts/environment.ts';
import { hostShown } from '../hosts/place.ts';
import type { Request } from './request.ts';

/** The compressor that a cycle uses, and why it is not the usual one. */
export interface ChosenCompression {
  readonly use: Compression;
  readonly note: string | undefined;
}

/**
 * Chooses what both sides have. Throws a usage error when the compressor that the person named is missing
 * on a side; the default gives way to none.
 */
export const chooseCompression = (request: Request, facts: TargetFacts): ChosenCompression => {
  const { wanted, named } = request.compression;
  if (wanted === 'none') return { use: 'none', note: undefined };
  const missing = [
    ...(isInstalled(wanted) ? [] : ['this host']),
    ...(facts.decompressors.has(wanted) ? [] : [hostShown(request.pair.target.host)]),
  ];
  if (missing.length === 0) return { use: wanted, note: undefined };
  const where = missing.join(' and ');
  if (named) {
    throw usageError(
      `${wanted} is not installed on ${where}`,
      `install it there (apt install ${wanted}), or use --compress none`,
    );
  }
  return { use: 'none', note: `not compressed: no ${wanted} on ${where}` };
};
