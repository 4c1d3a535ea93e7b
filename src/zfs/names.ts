import { usageError } from '../errors.ts';

/** A dataset's full name, checked by {@link parseDatasetName}; never starts with `-`, never needs escaping. */
export type DatasetName = string & { readonly brand: 'DatasetName' };
/** What stands behind `@` in a snapshot's name. */
export type SnapshotLabel = string & { readonly brand: 'SnapshotLabel' };
/** What stands behind `#` in a bookmark's name. */
export type BookmarkLabel = string & { readonly brand: 'BookmarkLabel' };
/** The 64-bit identity of a dataset, snapshot or bookmark, in decimal. */
export type Guid = string & { readonly brand: 'Guid' };

/** ZFS_MAX_DATASET_NAME_LEN (include/sys/fs/zfs.h) counts the closing NUL. */
const longestName = 255;

/** The characters that zcommon/zfs_namecheck.c allows in a component; all of them are ASCII. */
const component = /^[A-Za-z0-9_.: -]+$/;

const componentProblem = (text: string): string | undefined => {
  if (text === '') return 'has an empty component';
  if (text === '.' || text === '..') return `has the component '${text}'`;
  if (!component.test(text)) {
    return 'has a character that ZFS does not allow (letters, digits, space and _ . : - are)';
  }
  return undefined;
};

/** Text from outside, made fit for one line of an error message. */
export const shown = (text: string): string => {
  const short = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return JSON.stringify(short).slice(1, -1).replaceAll('\\"', '"');
};

/** Checks a dataset's name by the rules of zfs_namecheck.c. Throws a usage error that says what is wrong. */
export const parseDatasetName = (text: string): DatasetName => {
  const problem =
    text.split('/').map(componentProblem).find(Boolean) ??
    (/^[A-Za-z]/.test(text) ? undefined : 'does not start with a letter') ??
    (text.length > longestName ? `is longer than ${longestName} characters` : undefined);
  if (problem !== undefined) throw usageError(`the dataset name '${shown(text)}' ${problem}`);
  return text as DatasetName;
};

const parseLabel = (text: string, what: string): string => {
  const problem =
    componentProblem(text) ??
    (text.length > longestName ? `is longer than ${longestName} characters` : undefined);
  if (problem !== undefined) throw usageError(`the ${what} name '${shown(text)}' ${problem}`);
  return text;
};

/** Checks what stands behind `@`. Throws a usage error. */
export const parseSnapshotLabel = (text: string): SnapshotLabel =>
  parseLabel(text, 'snapshot') as SnapshotLabel;

/** Checks what stands behind `#`. Throws a usage error. */
export const parseBookmarkLabel = (text: string): BookmarkLabel =>
  parseLabel(text, 'bookmark') as BookmarkLabel;

/** The decimal form that `zfs get -p guid` prints. Throws a usage error for anything else. */
export const parseGuid = (text: string): Guid => {
  if (!/^[1-9][0-9]{0,19}$/.test(text)) throw usageError(`'${shown(text)}' is not a guid`);
  return text as Guid;
};

/** The pool that a dataset lies in. */
export const poolOf = (dataset: DatasetName): DatasetName =>
  dataset.split('/', 1)[0] as DatasetName;

/** The dataset above, or undefined for a pool's root. */
export const parentOf = (dataset: DatasetName): DatasetName | undefined => {
  const slash = dataset.lastIndexOf('/');
  return slash === -1 ? undefined : (dataset.slice(0, slash) as DatasetName);
};

const withinLimit = (name: string): string => {
  if (name.length > longestName) {
    throw usageError(`the name '${shown(name)}' would be longer than ${longestName} characters`);
  }
  return name;
};

/** `dataset@label`. Throws a usage error where ZFS would find it too long. */
export const snapshotName = (dataset: DatasetName, label: SnapshotLabel): string =>
  withinLimit(`${dataset}@${label}`);

/** `dataset#label`. Throws a usage error where ZFS would find it too long. */
export const bookmarkName = (dataset: DatasetName, label: BookmarkLabel): string =>
  withinLimit(`${dataset}#${label}`);
