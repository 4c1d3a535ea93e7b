import { failure } from '../errors.ts';
import { markProperty } from './marks.ts';
import {
  type BookmarkLabel,
  type DatasetName,
  type Guid,
  parseBookmarkLabel,
  parseDatasetName,
  parseGuid,
  parseSnapshotLabel,
  type SnapshotLabel,
  shown,
  snapshotName,
} from './names.ts';

/** A snapshot as `zfs list` shows it. Order in time is `createtxg`, never the name or the clock. */
export interface Snapshot {
  readonly label: SnapshotLabel;
  readonly guid: Guid;
  readonly createtxg: number;
  /** What `zferry:for` says. */
  readonly mark: string | undefined;
}

/** A bookmark; guid and createtxg are those of the snapshot that it was made from. */
export interface Bookmark {
  readonly label: BookmarkLabel;
  readonly guid: Guid;
  readonly createtxg: number;
}

/** The key that a dataset is encrypted with. */
export interface Encryption {
  /** The dataset whose key it is, itself or one above it. */
  readonly root: DatasetName;
  readonly isLoaded: boolean;
}

/** What a source dataset is, and the bookmarks that it has. */
export interface SourceTraits {
  readonly type: 'filesystem' | 'volume';
  /** undefined where it is not encrypted. */
  readonly encryption: Encryption | undefined;
  /** Full name of the snapshot that it is a clone of; undefined for one that is no clone. */
  readonly origin: string | undefined;
  /** Its property `compression`, such as `lz4`, `on` or `off`; older blocks may be stored otherwise. */
  readonly compression: string;
  /** How many times larger its data is than it is stored (`refcompressratio`). */
  readonly ratio: number;
  /** The values of the two user properties that the listing asked for. */
  readonly properties: readonly [string | undefined, string | undefined];
  /** Oldest first. */
  readonly bookmarks: readonly Bookmark[];
}

/** What a source dataset has, from one `zfs list`. */
export interface SourceListing extends SourceTraits {
  /** All that it has, oldest first. */
  readonly snapshots: readonly Snapshot[];
}

/** The same without its snapshots: nobody can take it for a listing that found none. */
export interface SourceGlimpse extends SourceTraits {
  /** True where a snapshot of the one name that was asked about is there; of what guid, is not known. */
  readonly hasNamed: boolean;
}

const columns = (properties: readonly [string, string], last = markProperty): string =>
  `type,guid,createtxg,encryption,encryptionroot,keystatus,origin,compression,refcompressratio,${properties.join(',')},${last},name`;

/**
 * The arguments of the one listing that tells all about a source, and two user properties of it. It also
 * prints child datasets, which the parser leaves out: a second command would cost more.
 */
export const sourceListingArguments = (
  dataset: DatasetName,
  properties: readonly [string, string],
): readonly string[] => [
  ...['list', '-Hp', '-d', '1', '-t', 'filesystem,volume,snapshot,bookmark'],
  ...['-o', columns(properties), dataset],
];

/**
 * The same without snapshots, which are what a long history has many of. `written@LABEL` tells whether one of that
 * name is there.
 */
export const sourceGlimpseArguments = (
  dataset: DatasetName,
  properties: readonly [string, string],
  label: SnapshotLabel,
): readonly string[] => [
  ...['list', '-Hp', '-d', '1', '-t', 'filesystem,volume,bookmark'],
  ...['-o', columns(properties, `written@${label}`), dataset],
];

/** The arguments of a listing of this one snapshot; {@link parseSnapshots} reads it. */
export const snapshotListingArguments = (
  dataset: DatasetName,
  label: SnapshotLabel,
): readonly string[] => [
  ...['list', '-Hp', '-t', 'snapshot', '-o', `name,guid,createtxg,${markProperty}`],
  snapshotName(dataset, label),
];

/** The same of a dataset and all below it. */
export const treeListingArguments = (
  root: DatasetName,
  properties: readonly [string, string],
): readonly string[] => [
  ...['list', '-Hp', '-r', '-t', 'filesystem,volume,snapshot,bookmark'],
  ...['-o', columns(properties), root],
];

/** What zfs prints for a property that is not set. */
const setValue = (text: string | undefined): string | undefined =>
  text === undefined || text === '-' || text === '' ? undefined : text;

/** Reads the properties `encryption`, `encryptionroot` and `keystatus`. Throws a usage error for a root that is no dataset. */
export const parseEncryption = (
  encryption: string | undefined,
  root: string | undefined,
  keystatus: string | undefined,
): Encryption | undefined =>
  setValue(encryption) === undefined || encryption === 'off'
    ? undefined
    : { root: parseDatasetName(root ?? ''), isLoaded: keystatus === 'available' };

const unreadable = (command: string, line: string, cause?: unknown): Error =>
  failure(
    `cannot read what ${command} printed: '${shown(line)}'${cause instanceof Error ? `: ${cause.message}` : ''}`,
    undefined,
    cause,
  );

const readable = <T>(command: string, line: string, read: () => T): T => {
  try {
    return read();
  } catch (error) {
    throw unreadable(command, line, error);
  }
};

const parseCreatetxg = (text: string): number => {
  const value = Number(text);
  if (!(/^[0-9]+$/.test(text) && Number.isSafeInteger(value))) throw failure(`createtxg '${text}'`);
  return value;
};

/** `1.85`, to which some versions add an `x`. What is none counts as 1: no cycle fails for the sake of a proportion. */
const parseRatio = (text: string): number => {
  const value = Number.parseFloat(text);
  return Number.isNaN(value) ? 1 : Math.max(1, value);
};

const lines = (output: string): string[] => output.split('\n').filter((line) => line !== '');

const byCreation = (a: { createtxg: number }, b: { createtxg: number }): number =>
  a.createtxg - b.createtxg;

/** What one dataset has, while its lines are read. */
interface Draft {
  readonly snapshots: Snapshot[];
  readonly bookmarks: Bookmark[];
  self: Omit<SourceTraits, 'bookmarks'> | undefined;
  /** The dataset's own value in the last column but the name. */
  last: string | undefined;
}

const readRow = (line: string, draftOf: (dataset: string) => Draft): void => {
  const [type, guid = '', createtxg = '', ...others] = line.split('\t');
  const [encryption, root, keystatus, origin, compression = '', ...further] = others;
  const [ratio = '', one, other, mark, name = ''] = further;
  const made = () => ({ guid: parseGuid(guid), createtxg: parseCreatetxg(createtxg) });
  if (type === 'snapshot') {
    const at = name.indexOf('@');
    const label = parseSnapshotLabel(name.slice(at + 1));
    draftOf(name.slice(0, at)).snapshots.push({ label, ...made(), mark: setValue(mark) });
  } else if (type === 'bookmark') {
    const at = name.indexOf('#');
    const label = parseBookmarkLabel(name.slice(at + 1));
    draftOf(name.slice(0, at)).bookmarks.push({ label, ...made() });
  } else if (type === 'filesystem' || type === 'volume') {
    const draft = draftOf(name);
    draft.last = setValue(mark);
    draft.self = {
      type,
      encryption: parseEncryption(encryption, root, keystatus),
      origin: setValue(origin),
      compression,
      ratio: parseRatio(ratio),
      properties: [setValue(one), setValue(other)],
    };
  } else {
    throw failure('an unknown type');
  }
};

const parseDrafts = (output: string): ReadonlyMap<string, Draft> => {
  const drafts = new Map<string, Draft>();
  const draftOf = (dataset: string): Draft => {
    const none = { snapshots: [], bookmarks: [], self: undefined, last: undefined };
    const draft = drafts.get(dataset) ?? none;
    drafts.set(dataset, draft);
    return draft;
  };
  for (const line of lines(output)) readable('zfs list', line, () => readRow(line, draftOf));
  return drafts;
};

/**
 * Reads the output of {@link sourceListingArguments} or {@link treeListingArguments}: by dataset, in zfs's order.
 * Throws a failure for output that is not of that form.
 */
export const parseListings = (output: string): ReadonlyMap<DatasetName, SourceListing> =>
  new Map(
    [...parseDrafts(output)].flatMap(([dataset, { self, snapshots, bookmarks }]) =>
      self === undefined
        ? []
        : [
            [
              parseDatasetName(dataset),
              {
                ...self,
                snapshots: snapshots.toSorted(byCreation),
                bookmarks: bookmarks.toSorted(byCreation),
              },
            ],
          ],
    ),
  );

/** What that output tells of one dataset. Throws a failure where it is not of that form, or has nothing of it. */
export const parseSourceListing = (dataset: DatasetName, output: string): SourceListing => {
  const listing = parseListings(output).get(dataset);
  if (listing === undefined) throw unreadable('zfs list', output);
  return listing;
};

/** Reads the output of {@link sourceGlimpseArguments}. Throws a failure where it is not of that form. */
export const parseSourceGlimpse = (dataset: DatasetName, output: string): SourceGlimpse => {
  const draft = parseDrafts(output).get(dataset);
  if (draft?.self === undefined) throw unreadable('zfs list', output);
  const bookmarks = draft.bookmarks.toSorted(byCreation);
  return { ...draft.self, bookmarks, hasNamed: /^[0-9]+$/.test(draft.last ?? '') };
};

/** Reads lines of `zfs list -Hp -d 1 -t snapshot -o name,guid,createtxg,zferry:for`; oldest first. */
export const parseSnapshots = (rows: readonly string[]): readonly Snapshot[] =>
  rows
    .map((row) =>
      readable('zfs list', row, () => {
        const [name = '', guid = '', createtxg = '', mark] = row.split('\t');
        const label = parseSnapshotLabel(name.slice(name.indexOf('@') + 1));
        const made = { guid: parseGuid(guid), createtxg: parseCreatetxg(createtxg) };
        return { label, ...made, mark: setValue(mark) };
      }),
    )
    .toSorted(byCreation);

/** Reads lines of `zfs get -Hp -o name,property,value`: dataset, then property, then value. */
export const parseProperties = (
  rows: readonly string[],
): ReadonlyMap<string, ReadonlyMap<string, string>> => {
  const datasets = new Map<string, Map<string, string>>();
  for (const row of rows) {
    const [name, property, value] = row.split('\t');
    if (name === undefined || property === undefined || value === undefined) {
      throw unreadable('zfs get', row);
    }
    const properties = datasets.get(name) ?? new Map<string, string>();
    datasets.set(name, properties.set(property, value));
  }
  return datasets;
};
