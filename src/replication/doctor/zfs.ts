import type { DatasetName } from '../../zfs/names.ts';
import { bad, type Finding, ok, warn } from './finding.ts';
import { type HostFacts, propertyOf } from './host-facts.ts';

/** One side of a pair. */
export interface Side {
  /** In the names of checks: a source on this host or on another one, the target. */
  readonly side: 'here' | 'source' | 'there';
  /** `on HOST`. */
  readonly where: string;
  readonly pool: DatasetName;
  readonly facts: HostFacts;
  /** A command for a person to run on that host. */
  readonly command: (...words: readonly string[]) => string;
}

const release = (version: string | undefined): readonly [number, number] | undefined => {
  const [, major, minor] = /^zfs-([0-9]+)\.([0-9]+)/.exec(version ?? '') ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor)];
};

/** OpenZFS 0.8 is the oldest that zferry knows. */
const isTooOld = (version: string | undefined): boolean => {
  const [major, minor = 0] = release(version) ?? [];
  return major === 0 && minor < 8;
};

const checkVersion = ({ side, where, facts }: Side): Finding => {
  const check = `zfs ${side}`;
  const { version, module } = facts;
  if (!facts.hasZfs) {
    return bad(
      check,
      `there is no zfs command ${where}`,
      'install OpenZFS, or put its folder on the PATH',
    );
  }
  const old = [version, module].find(isTooOld);
  if (old !== undefined) {
    return bad(check, `${old} ${where} is too old`, 'install OpenZFS 0.8 or newer');
  }
  const found = release(version);
  if (found === undefined)
    return warn(check, `zfs ${where} does not tell its version; 0.8 is the oldest that works`);
  const loaded = release(module);
  if (loaded !== undefined && loaded.join('.') !== found.join('.')) {
    return warn(
      check,
      `the commands ${where} are of ${version}, the kernel's module is ${module}`,
      'restart that host after its update',
    );
  }
  return ok(check, `${version} ${where}`);
};

const checkPool = ({ side, where, pool, facts, command }: Side): Finding => {
  const check = `pool ${side}`;
  if (facts.pool === undefined) {
    return bad(check, `${pool} is not imported ${where}`, command('zpool', 'import', pool));
  }
  const { health, readonly } = facts.pool;
  const status = command('zpool', 'status', '-v', pool);
  if (readonly) {
    return bad(
      check,
      `${pool} ${where} is imported read-only`,
      `import it anew, without readonly=on: ${status}`,
    );
  }
  if (health === 'ONLINE') return ok(check, `${pool} ${where} is ONLINE`);
  return (health === 'DEGRADED' ? warn : bad)(check, `${pool} ${where} is ${health}`, status);
};

/** Whether zfs and the pool of a side can work. */
export const checkZfs = (side: Side): readonly Finding[] =>
  side.facts.hasZfs ? [checkVersion(side), checkPool(side)] : [checkVersion(side)];

const isOn = ({ features }: HostFacts, name: string): boolean =>
  features.get(name) === 'enabled' || features.get(name) === 'active';

/** A stream of larger blocks or dnodes is refused by a pool that has never heard of them. */
const needed = (facts: HostFacts, source: DatasetName): readonly string[] => [
  ...(Number(propertyOf(facts, source, 'recordsize')) > 131_072 ? ['large_blocks'] : []),
  ...((propertyOf(facts, source, 'dnodesize') ?? 'legacy') === 'legacy' ? [] : ['large_dnode']),
];

/** Whether the pools have the features that a cycle uses. */
export const checkFeatures = (here: Side, there: Side, source: DatasetName): Finding => {
  const check = 'features';
  if (here.facts.features.size > 0 && !isOn(here.facts, 'bookmarks')) {
    return bad(
      check,
      `the pool ${here.pool} ${here.where} has no bookmarks`,
      here.command('zpool', 'set', 'feature@bookmarks=enabled', here.pool),
    );
  }
  const missing = needed(here.facts, source).find((name) => !isOn(there.facts, name));
  if (missing !== undefined && there.facts.features.size > 0) {
    return bad(
      check,
      `${source} needs ${missing}, which the pool ${there.pool} ${there.where} does not have`,
      there.command('zpool', 'set', `feature@${missing}=enabled`, there.pool),
    );
  }
  const lacks = [...here.facts.features]
    .filter(([name, value]) => value === 'active' && ['large_blocks', 'large_dnode'].includes(name))
    .find(([name]) => !isOn(there.facts, name))?.[0];
  if (lacks !== undefined && there.facts.features.size > 0) {
    return warn(
      check,
      `the pool ${here.pool} uses ${lacks}, the pool ${there.pool} ${there.where} does not have it`,
      there.command('zpool', 'set', `feature@${lacks}=enabled`, there.pool),
    );
  }
  return ok(check, `the pool ${there.where} takes what the pool ${here.where} can send`);
};
