import { failure } from '../errors.ts';
import {
  type Encryption,
  parseEncryption,
  parseProperties,
  parseSnapshots,
  type Snapshot,
} from '../zfs/listing.ts';
import {
  type DatasetName,
  type Guid,
  parentOf,
  parseDatasetName,
  parseGuid,
  type SnapshotLabel,
  shown,
} from '../zfs/names.ts';
import { storedBlockFeatures } from '../zfs/send.ts';
import { asideSuffix } from '../zfs/siblings.ts';
import { bySection, isSet, isToken, statusOf, values } from './agent-lines.ts';
import { type CompressorName, isCompressorName } from './compressors.ts';

/** The properties of a dataset that the agent tells. */
export const datasetProperties = [
  ...(['type', 'readonly', 'written', 'receive_resume_token'] as const),
  ...(['encryption', 'encryptionroot', 'keystatus'] as const),
] as const;

/** The target dataset as the agent saw it, but for its snapshots. */
export interface TargetTraits {
  readonly type: string;
  readonly readonly: boolean;
  /** Bytes written to the head since its newest snapshot. */
  readonly written: number;
  readonly resumeToken: string | undefined;
  /** undefined where it is not encrypted. */
  readonly encryption: Encryption | undefined;
}

/** The target dataset as the agent saw it. */
export interface TargetDataset extends TargetTraits {
  /** All that it has, oldest first. */
  readonly snapshots: readonly Snapshot[];
}

/** The same where the agent was asked about one snapshot only: nobody can take it for a dataset that has no other. */
export interface TargetGlimpse extends TargetTraits {
  /** That snapshot; undefined where the target has none of that name. */
  readonly named: Snapshot | undefined;
  /** Bytes written to the head since that snapshot; undefined where zfs did not tell. */
  readonly writtenSince: number | undefined;
}

/** What the target's host answered before anything was changed, whatever it was asked about the dataset. */
export interface HostFacts {
  readonly hasZfs: boolean;
  readonly decompressors: ReadonlySet<CompressorName>;
  /** Process groups of agents of earlier runs that are still there. */
  readonly predecessors: readonly number[];
  /** The guid of the pool; undefined where it is not imported. */
  readonly poolGuid: Guid | undefined;
  /** True where the pool can receive blocks as they were stored, whatever had compressed them. */
  readonly takesStored: boolean;
  readonly parentExists: boolean;
  /** That of the dataset above the target; undefined where that is not encrypted. */
  readonly parentEncryption: Encryption | undefined;
  /** True where an old replica stands aside that `prime --replace` has not destroyed. */
  readonly hasAside: boolean;
  /** What zfs said where it did not answer; undefined where it answered everything that is there. */
  readonly complaint: string | undefined;
}

/** The same with all that the dataset has. */
export interface TargetFacts extends HostFacts {
  readonly dataset: TargetDataset | undefined;
  /** All below it by their full names; empty unless a tree was asked about. */
  readonly below: ReadonlyMap<DatasetName, TargetDataset>;
}

/** The same where the agent was asked about one snapshot only. */
export interface ShortFacts extends HostFacts {
  /** undefined where there is no such dataset. */
  readonly glimpse: TargetGlimpse | undefined;
}

/** True where the facts tell of one snapshot only. */
export const areShort = (facts: TargetFacts | ShortFacts): facts is ShortFacts =>
  'glimpse' in facts;

const tokenOf = (text: string | undefined): string | undefined => {
  if (!isSet(text)) return undefined;
  if (isToken(text)) return text;
  throw failure(`the target's resume token is malformed: '${shown(text)}'`);
};

const guidOf = (text: string | undefined): Guid | undefined => {
  if (text === undefined) return undefined;
  try {
    return parseGuid(text);
  } catch (error) {
    throw failure(`the target's guid is malformed: '${shown(text)}'`, undefined, error);
  }
};

const encryptionIn = (
  properties: ReadonlyMap<string, string> | undefined,
): Encryption | undefined => {
  const [encryption, root, keystatus] = ['encryption', 'encryptionroot', 'keystatus'].map((name) =>
    properties?.get(name),
  );
  try {
    return parseEncryption(encryption, root, keystatus);
  } catch (error) {
    throw failure(
      `the target's encryptionroot is malformed: '${shown(root ?? '')}'`,
      undefined,
      error,
    );
  }
};

const nameOf = (text: string): DatasetName => {
  try {
    return parseDatasetName(text);
  } catch (error) {
    throw failure(`the target has a dataset of no such name: '${shown(text)}'`, undefined, error);
  }
};

const writtenIn = (text: string | undefined): number => {
  // A first full send that is not finished has no value yet.
  if (text === undefined || text === '-') return 0;
  if (/^[0-9]+$/.test(text)) return Number(text);
  throw failure(`cannot read what was written on the target: '${shown(text)}'`);
};

/** Words of zfs, and no row of what it was asked for. */
const isSaid = (line: string): boolean => !/\t|^$|^[0-9]+$|^status /.test(line);

/** What zfs says of something that is not there is an answer. */
const isComplaint = (line: string): boolean =>
  isSaid(line) &&
  !/(dataset does not exist|name is too long|no such pool( available\.)?)$/.test(line);

const predecessorsIn = (lines: readonly string[]): number[] => {
  const self = values(lines, 'self')[0];
  const agents = values(lines, 'agent').map((line) => line.split(' '));
  const own = agents.find(([pid]) => pid === self)?.[1];
  const others = agents.map(([, group]) => group).filter((group) => group !== own);
  return [...new Set(others)].map(Number).filter((group) => group > 0);
};

const isOn = (feature: string | undefined): boolean =>
  feature === 'enabled' || feature === 'active';

type Properties = ReadonlyMap<string, string>;

const traitsIn = (own: Properties): TargetTraits => ({
  type: own.get('type') ?? '-',
  readonly: own.get('readonly') === 'on',
  written: writtenIn(own.get('written')),
  resumeToken: tokenOf(own.get('receive_resume_token')),
  encryption: encryptionIn(own),
});

const seenDataset = (own: Properties, snapshotRows: readonly string[]): TargetDataset => ({
  ...traitsIn(own),
  snapshots: parseSnapshots(snapshotRows),
});

const glimpseOf = (
  own: Properties,
  label: SnapshotLabel,
  snapshotRows: readonly string[],
): TargetGlimpse => {
  const since = own.get(`written@${label}`) ?? '';
  return {
    ...traitsIn(own),
    named: parseSnapshots(snapshotRows).find((snapshot) => snapshot.label === label),
    writtenSince: /^[0-9]+$/.test(since) ? Number(since) : undefined,
  };
};

const datasetsBelow = (
  target: DatasetName,
  properties: ReadonlyMap<string, Properties>,
  rowsBy: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<DatasetName, TargetDataset> =>
  new Map(
    [...properties]
      .filter(([name]) => name.startsWith(`${target}/`))
      .map(([name, own]) => [nameOf(name), seenDataset(own, rowsBy.get(name) ?? [])]),
  );

const isRow = (line: string): boolean => line.includes('\t');

/** What every answer has; `snapshotLines` are those of its section about snapshots. */
const hostFactsIn = (
  target: DatasetName,
  sections: ReadonlyMap<string, readonly string[]>,
  properties: ReadonlyMap<string, Properties>,
  snapshotLines: readonly string[],
): HostFacts => {
  const answers = [...(sections.get('') ?? []), ...(sections.get('facts') ?? [])];
  const poolLines = sections.get('pool') ?? [];
  const propertyLines = sections.get('properties') ?? [];
  const has = new Set(values(answers, 'has'));
  const parent = parentOf(target);
  const pool = new Map(poolLines.filter(isRow).map((line) => line.split('\t') as [string, string]));
  const poolGuid = guidOf(pool.get('guid'));
  const isAnswered =
    poolGuid !== undefined && properties.has(target) && statusOf(snapshotLines, 'list') === 0;
  return {
    hasZfs: has.has('zfs'),
    decompressors: new Set([...has].filter(isCompressorName)),
    predecessors: predecessorsIn(answers),
    poolGuid,
    takesStored: storedBlockFeatures.every((feature) => isOn(pool.get(feature))),
    parentExists: parent !== undefined && properties.has(parent),
    parentEncryption: parent === undefined ? undefined : encryptionIn(properties.get(parent)),
    hasAside: properties.has(`${target}${asideSuffix}`),
    complaint: isAnswered
      ? undefined
      : [...poolLines, ...propertyLines, ...snapshotLines].find(isComplaint),
  };
};

const propertiesIn = (sections: ReadonlyMap<string, readonly string[]>) =>
  parseProperties((sections.get('properties') ?? []).filter(isRow));

const nameIn = (row: string): string => row.slice(0, row.indexOf('\t'));

/** Of a tree the listing of snapshots has the datasets too, with their properties behind the columns of a snapshot. */
const listedProperties = (rows: readonly string[]): readonly (readonly [string, Properties])[] =>
  rows.map((row) => {
    const [name = '', , , , ...values] = row.split('\t');
    return [name, new Map(datasetProperties.map((each, index) => [each, values[index] ?? '-']))];
  });

/** Where zfs told of the dataset and could not list it, it went in between: it is not one without snapshots. */
const vanishing = (snapshotLines: readonly string[]): string | undefined =>
  statusOf(snapshotLines, 'list') === 0 ? undefined : snapshotLines.find(isSaid);

/** Reads the agent's lines up to `end facts`. Throws a failure for lines that are not of the protocol. */
export const parseFacts = (target: DatasetName, lines: readonly string[]): TargetFacts => {
  const sections = bySection(lines);
  const snapshotLines = sections.get('snapshots') ?? [];
  const rows = snapshotLines.filter(isRow);
  const isSnapshot = (row: string) => nameIn(row).includes('@');
  const listed = listedProperties(rows.filter((row) => !isSnapshot(row)));
  const properties = new Map([...propertiesIn(sections), ...listed]);
  const rowsBy = Map.groupBy(rows.filter(isSnapshot), (row) => row.slice(0, row.indexOf('@')));
  const own = properties.get(target);
  const host = hostFactsIn(target, sections, properties, snapshotLines);
  return {
    ...host,
    complaint: host.complaint ?? (host.poolGuid && own ? vanishing(snapshotLines) : undefined),
    dataset: own && seenDataset(own, rowsBy.get(target) ?? []),
    below: datasetsBelow(target, properties, rowsBy),
  };
};

/** The same where the agent was asked about this one snapshot: `section known` in place of `section snapshots`. */
export const parseShortFacts = (
  target: DatasetName,
  label: SnapshotLabel,
  lines: readonly string[],
): ShortFacts => {
  const sections = bySection(lines);
  const knownLines = sections.get('known') ?? [];
  const properties = propertiesIn(sections);
  const own = properties.get(target);
  return {
    ...hostFactsIn(target, sections, properties, knownLines),
    glimpse: own && glimpseOf(own, label, knownLines.filter(isRow)),
  };
};
