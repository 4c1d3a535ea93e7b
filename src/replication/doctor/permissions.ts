import { type Allowed, type Grant, missingRights } from '../../zfs/rights.ts';
import { allowLines } from '../hints.ts';
import { bad, type Finding, ok, warn } from './finding.ts';
import type { HostFacts } from './host-facts.ts';
import type { Side } from './zfs.ts';

/** Without it a cycle works, but for a mark on snapshots that cannot be pruned yet. */
const isDispensable = ({ scope, rights }: Grant): boolean =>
  scope === '-d' && rights.every((right) => right === 'userprop');

/** Whether the user of that host may do what a cycle does there. */
export const checkRights = (
  { side, where }: Pick<Side, 'side' | 'where'>,
  { user, isRoot, sudoWorks }: HostFacts,
  grants: readonly Grant[],
  allowed: Allowed,
): Finding => {
  const check = `rights ${side}`;
  if (sudoWorks === false) {
    return bad(
      check,
      `${user} ${where} may not run zfs through sudo without a password`,
      `as root ${where}, in /etc/sudoers.d/zferry: ${user} ALL=(root) NOPASSWD: /usr/sbin/zfs`,
    );
  }
  if (sudoWorks === true) return ok(check, `${user} ${where}, through sudo`);
  if (isRoot) return ok(check, `root ${where}`);
  const missing = grants
    .map((grant) => ({ ...grant, rights: missingRights(grant, allowed) }))
    .filter(({ rights }) => rights.length > 0);
  if (missing.length === 0) return ok(check, `${user} ${where}, by zfs allow`);
  const words = [...new Set(missing.flatMap(({ rights }) => rights))].join(', ');
  return (missing.every(isDispensable) ? warn : bad)(
    check,
    `${user} ${where} lacks ${words}`,
    `as root ${where}: ${allowLines(missing, user)}`,
  );
};
