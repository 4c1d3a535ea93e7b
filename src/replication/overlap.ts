import { refusal, type ZferryError } from '../errors.ts';
import type { TargetFacts } from '../hosts/agent-report.ts';
import { run } from '../hosts/command.ts';
import { isInside } from '../hosts/place.ts';
import type { Tether } from '../hosts/tether.ts';
import { poolOf } from '../zfs/names.ts';
import { where } from './hints.ts';
import type { Pair, Request } from './request.ts';

/** What a pair would be if both its pools were one; undefined where names rule it out. */
const overlapOf = (pair: Pair): ZferryError | undefined => {
  const [source, target] = [pair.source.dataset, pair.target.dataset];
  const hint = 'that host is this one; name another dataset or another host';
  if (source === target) return refusal(`${where(pair)} is the source itself`, hint);
  if (isInside(target, source)) {
    return refusal(`${where(pair)} is inside its own source ${source}`, hint);
  }
  return isInside(source, target)
    ? refusal(`the source ${source} is inside its own target ${where(pair)}`, hint)
    : undefined;
};

/**
 * The refusal where source and target are one dataset, or one lies in the other: whatever the host was called, its
 * pool's guid tells. Asks zpool only where the names leave that open.
 */
export const overlapProblem = async (
  { pair }: Pick<Request, 'pair'>,
  { poolGuid }: Pick<TargetFacts, 'poolGuid'>,
  tether: Tether,
): Promise<ZferryError | undefined> => {
  const overlap = overlapOf(pair);
  if (overlap === undefined) return undefined;
  const pool = poolOf(pair.source.dataset);
  const { stdout } = await run(['zpool', 'get', '-Hp', '-o', 'value', 'guid', pool], tether);
  return stdout === poolGuid ? overlap : undefined;
};
