import { refusal, type ZferryError } from '../errors.ts';
import { run } from '../hosts/command.ts';
import { isInside } from '../hosts/place.ts';
import type { SourceHost } from '../hosts/source-host.ts';
import type { HostFacts } from '../hosts/target-facts.ts';
import type { Tether } from '../hosts/tether.ts';
import { poolOf } from '../zfs/names.ts';
import { where } from './hints.ts';
import type { Pair, Request } from './request.ts';

/** What a pair would be if both its pools were one; undefined where names rule it out. */
const overlapOf = (pair: Pair): ZferryError | undefined => {
  const [source, target] = [pair.source.dataset, pair.target.dataset];
  const hint =
    pair.source.host.kind === 'here'
      ? 'that host is this one; name another dataset or another host'
      : 'both are one host; name another dataset or another host';
  if (source === target) return refusal(`${where(pair)} is the source itself`, hint);
  if (isInside(target, source)) {
    return refusal(`${where(pair)} is inside its own source ${source}`, hint);
  }
  return isInside(source, target)
    ? refusal(`the source ${source} is inside its own target ${where(pair)}`, hint)
    : undefined;
};

/** The guid of a pool on this host; what is no guid where there is none. */
const guidHere = async (pool: string, tether: Tether): Promise<string> =>
  (await run(['zpool', 'get', '-Hp', '-o', 'value', 'guid', pool], tether)).stdout;

/**
 * The refusal where source and target are one dataset, or one lies in the other: whatever the host was called, its
 * pool's guid tells. Asks zpool only where the names leave that open,
 * and the source's host has not told yet.
 */
export const overlapProblem = async (
  { pair }: Pick<Request, 'pair'>,
  { poolGuid }: Pick<HostFacts, 'poolGuid'>,
  { poolGuid: known }: Pick<SourceHost, 'poolGuid'>,
  tether: Tether,
): Promise<ZferryError | undefined> => {
  const overlap = overlapOf(pair);
  if (overlap === undefined) return undefined;
  return (known ?? (await guidHere(poolOf(pair.source.dataset), tether))) === poolGuid
    ? overlap
    : undefined;
};
