import type { DatasetName } from './names.ts';

/**
 * The rights that ordinary users need, each of them tried by leaving it out (test/lab/grant.test.ts). ZFS takes a
 * snapshot for something below its dataset: what is done with snapshots needs `-d`, what is done with the dataset
 * and its bookmarks `-l`. That split keeps a user who may destroy snapshots from destroying the dataset. `mount` counts
 * for receiving and destroying although nothing is mounted or unmounted. `userprop` below is for the mark on snapshots
 * that something else still needs.
 */
const rights = {
  source: {
    itself: ['bookmark', 'destroy', 'snapshot', 'userprop'],
    below: ['destroy', 'mount', 'send', 'userprop'],
  },
  /** Of a replica that takes increments. */
  replica: {
    itself: ['create', 'mount', 'receive'],
    below: ['destroy', 'mount', 'userprop'],
  },
  /** What a first full send sets on the replica that it makes. */
  priming: ['canmount', 'readonly'],
} as const;

const union = (...lists: readonly (readonly string[])[]): readonly string[] =>
  [...new Set(lists.flat())].toSorted();

/** Rights that `zfs allow` gives at once: on the dataset itself (`-l`), or on what is below it (`-d`). */
export interface Grant {
  readonly scope: '-l' | '-d';
  readonly rights: readonly string[];
  readonly dataset: DatasetName;
}

const both = (
  dataset: DatasetName,
  itself: readonly string[],
  below: readonly string[],
): readonly Grant[] => [
  { scope: '-l', rights: itself, dataset },
  { scope: '-d', rights: below, dataset },
];

/** What somebody who sends a dataset needs; `recursive`: and those below it. */
export const senderGrants = (dataset: DatasetName, recursive: boolean): readonly Grant[] => {
  const { itself, below } = rights.source;
  return both(dataset, itself, recursive ? union(itself, below) : below);
};

/** What somebody needs who makes a replica below `parent`, and receives into it from then on. */
export const primerGrants = (parent: DatasetName): readonly Grant[] => {
  const { itself, below } = rights.replica;
  return both(parent, itself, union(itself, below, rights.priming));
};

/**
 * What somebody needs who receives into a replica that is there. `unfinished`: its first full send may have to go
 * on. `recursive`: replicas may be made below it.
 */
export const receiverGrants = (
  dataset: DatasetName,
  { unfinished, recursive }: { readonly unfinished: boolean; readonly recursive: boolean },
): readonly Grant[] => {
  const { itself, below } = rights.replica;
  return both(
    dataset,
    unfinished ? union(itself, rights.priming) : itself,
    recursive ? union(itself, below, rights.priming) : below,
  );
};

/** The words of `zfs allow` behind `zfs`. */
export const allowArguments = ({ scope, rights, dataset }: Grant, user: string) =>
  ['allow', scope, '-u', user, rights.join(','), dataset] as const;

/** Whom a right may be given to: the user by name, by one of the groups, or as one of everyone. */
export interface Grantee {
  readonly user: string;
  readonly groups: readonly string[];
}

/** What a grantee may do with a dataset and with those below it. */
export interface Allowed {
  readonly itself: ReadonlySet<string>;
  readonly below: ReadonlySet<string>;
}

/** One line under a heading of `zfs allow DATASET`. */
interface Rule {
  readonly dataset: string;
  readonly scope: string;
  readonly words: readonly string[];
}

const rulesIn = (lines: readonly string[]): readonly Rule[] => {
  const rules: Rule[] = [];
  let dataset = '';
  let scope = '';
  for (const line of lines) {
    const opened = /^---- Permissions on (.+?) -*$/.exec(line)?.[1];
    if (opened !== undefined) dataset = opened;
    else if (/^\S.*:$/.test(line)) scope = line.slice(0, -1);
    else if (line.startsWith('\t')) rules.push({ dataset, scope, words: line.trim().split(' ') });
  }
  return rules;
};

const isMeant = ([kind = '', name = '']: readonly string[], { user, groups }: Grantee): boolean =>
  kind === 'everyone' ||
  (kind === 'user' && name === user) ||
  (kind === 'group' && groups.includes(name));

/** The rights of a list, with those of the sets (`@name`) in it. */
const expand = (list: string, sets: ReadonlyMap<string, string>): readonly string[] =>
  list
    .split(',')
    .flatMap((right) => (right.startsWith('@') ? (sets.get(right)?.split(',') ?? []) : [right]));

/**
 * Reads what `zfs allow DATASET` prints (zfs_main.c, print_fs_perms): the dataset's own permissions and those of
 * all above it, each under a heading for where they count.
 */
export const parseAllowed = (
  dataset: DatasetName,
  lines: readonly string[],
  grantee: Grantee,
): Allowed => {
  const rules = rulesIn(lines);
  const sets = new Map(
    rules
      .filter(({ scope }) => scope === 'Permission sets')
      .map(({ words: [name = '', list = ''] }) => [name, list]),
  );
  const rightsUnder = (counts: (rule: Rule) => boolean) =>
    new Set(
      rules
        .filter((rule) => counts(rule) && isMeant(rule.words, grantee))
        .flatMap(({ words }) => expand(words.at(-1) ?? '', sets)),
    );
  const isOn = (rule: Rule) => rule.dataset === dataset;
  const goesDown = ({ scope }: Rule) => scope.startsWith('Descendent') || scope.includes('+');
  return {
    itself: rightsUnder((rule) => (isOn(rule) ? rule.scope.startsWith('Local') : goesDown(rule))),
    below: rightsUnder(goesDown),
  };
};

/** The rights of a grant that are not given yet. */
export const missingRights = (grant: Grant, { itself, below }: Allowed): readonly string[] =>
  grant.rights.filter((right) => !(grant.scope === '-l' ? itself : below).has(right));
