import { bySection } from '../../hosts/agent-lines.ts';
import type { Questions } from '../../hosts/questions.ts';
import { parseProperties } from '../../zfs/listing.ts';
import type { DatasetName } from '../../zfs/names.ts';

/** What a host says about itself and a dataset, beside what a cycle asks for. */
export interface HostFacts {
  /** Its clock when it was asked (seconds since 1970); undefined where it does not know. */
  readonly now: number | undefined;
  readonly user: string;
  readonly isRoot: boolean;
  readonly groups: readonly string[];
  readonly hasZfs: boolean;
  /** Whether `sudo -n zfs` works; undefined where nobody asked for it. */
  readonly sudoWorks: boolean | undefined;
  /** `zfs-2.3.9-1`, of the commands and of the kernel's module; undefined where zfs does not tell. */
  readonly version: string | undefined;
  readonly module: string | undefined;
  /** What `zfs allow` prints of the dataset, or of the one above where there is none yet. */
  readonly allowed: readonly string[];
  /** By dataset, then by property. */
  readonly properties: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly mounts: readonly Mount[];
  /** undefined where the pool is not imported. */
  readonly pool: Pool | undefined;
  /** `enabled`, `active` or `disabled`, by name. */
  readonly features: ReadonlyMap<string, string>;
}

/** A filesystem of the host. */
export interface Mount {
  readonly name: string;
  readonly canmount: string;
  readonly mounted: boolean;
  readonly mountpoint: string;
}

export interface Pool {
  /** `ONLINE`, `DEGRADED`, `SUSPENDED`, … */
  readonly health: string;
  readonly readonly: boolean;
}

/**
 * Parameters: 1 dataset, 2 the one above it, 3 pool, 4 the word(s) before `zfs`, 5 `-r` where all below it counts too.
 * It changes nothing.
 */
export const consultation: Questions = {
  name: 'zferry-doctor',
  lines: [
    'z() { $sudo zfs "$@"; }; dataset=$1; parent=$2; pool=$3; sudo=$4; below=$5;',
    'echo "now $(date +%s)"; echo "uid $(id -u)"; echo "user $(id -un)"; echo "groups $(id -Gn)";',
    'if command -v zfs >/dev/null 2>&1; then echo has zfs; fi;',
    'case $sudo in ?*) $sudo zfs list -H -o name "$pool" >/dev/null 2>&1 && echo sudo works;; esac;',
    // Before 0.8 zfs did not know that word; the module of Linux has always told.
    'echo section version; zfs version 2>/dev/null || sed "s/^/zfs-kmod-/" /sys/module/zfs/version 2>/dev/null;',
    'echo section allowed; z allow "$dataset" 2>/dev/null || z allow "$parent" 2>/dev/null;',
    'names=type,readonly,canmount,mountpoint,available,recordsize,dnodesize;',
    'echo section properties; z get -Hp -o name,property,value $names "$parent" 2>/dev/null;',
    'z get -Hp $below -t filesystem,volume -o name,property,value $names "$dataset" 2>/dev/null;',
    'echo section mounts; z list -H -o name,canmount,mounted,mountpoint -t filesystem 2>/dev/null;',
    'echo section pool; zpool list -H -o health,readonly "$pool" 2>/dev/null;',
    'echo section features; zpool get -H -o property,value all "$pool" 2>/dev/null | grep ^feature@;',
  ],
};

const rowsOf = (lines: readonly string[] = []): readonly (readonly string[])[] =>
  lines.filter((line) => line.includes('\t')).map((line) => line.split('\t'));

/** Reads the answer to {@link consultation}. What is missing in it counts as not known. */
export const parseHostFacts = (lines: readonly string[], sudo: boolean): HostFacts => {
  const sections = bySection(lines);
  const begin = sections.get('') ?? [];
  const word = (name: string) =>
    begin.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const now = word('now');
  const versions = sections.get('version') ?? [];
  const version = (prefix: string) => versions.find((line) => line.startsWith(prefix));
  const [pool] = rowsOf(sections.get('pool'));
  return {
    now: now !== undefined && /^[0-9]{1,12}$/.test(now) ? Number(now) : undefined,
    user: word('user') ?? '',
    isRoot: word('uid') === '0',
    groups: (word('groups') ?? '').split(' '),
    hasZfs: begin.includes('has zfs'),
    sudoWorks: sudo ? begin.includes('sudo works') : undefined,
    version: versions.find((line) => /^zfs-[0-9]/.test(line)),
    module: version('zfs-kmod-')?.replace('zfs-kmod-', 'zfs-'),
    allowed: sections.get('allowed') ?? [],
    properties: parseProperties(
      (sections.get('properties') ?? []).filter((line) => line.split('\t').length === 3),
    ),
    mounts: rowsOf(sections.get('mounts')).map(
      ([name = '', canmount = '', mounted = '', mountpoint = '']) => ({
        name,
        canmount,
        mounted: mounted === 'yes',
        mountpoint,
      }),
    ),
    pool: pool && { health: pool[0] ?? '', readonly: pool[1] === 'on' },
    features: new Map(
      rowsOf(sections.get('features')).map(([name = '', value = '']) => [
        name.replace('feature@', ''),
        value,
      ]),
    ),
  };
};

/** A property of a dataset; undefined where either is not there. */
export const propertyOf = (
  { properties }: HostFacts,
  dataset: DatasetName,
  name: string,
): string | undefined => properties.get(dataset)?.get(name);
