import { type Place, parseSource, parseTarget, type RemoteHost } from '../../../src/hosts/place.ts';
import type { TargetDataset, TargetFacts } from '../../../src/hosts/target-facts.ts';
import type { Request } from '../../../src/replication/request.ts';
import { defaultNameFormat, parseNameFormat } from '../../../src/replication/series.ts';
import type { TargetId } from '../../../src/replication/target-id.ts';
import type { Bookmark, Encryption, Snapshot, SourceListing } from '../../../src/zfs/listing.ts';
import {
  parseBookmarkLabel,
  parseDatasetName,
  parseGuid,
  parseSnapshotLabel,
} from '../../../src/zfs/names.ts';

export const source = parseSource('tank/vm');

export const remotePlace = (typed: string): Place & { readonly host: RemoteHost } => {
  const place = parseTarget(typed, source);
  if (place.host.kind === 'here') throw new Error(`${typed} is on this host`);
  return { ...place, host: place.host };
};

export const series = parseNameFormat(defaultNameFormat);

/** What a crontab asks for, but for what a test changes. */
export const request = (changes: Partial<Request> = {}): Request => ({
  pair: { source, target: remotePlace('backup:pool/vm') },
  intent: 'run',
  series,
  compression: { wanted: 'lzop', named: false },
  rate: undefined,
  keep: undefined,
  keepTarget: undefined,
  includeSnapshots: [],
  stall: 600_000,
  sudo: false,
  sshOptions: [],
  persist: undefined,
  decrypt: false,
  properties: false,
  abortPartial: false,
  rollback: false,
  replace: false,
  self: 'zferry',
  ...changes,
});

/** A snapshot whose guid and createtxg tell its age, of the series where no label is given. */
export const snapshot = (
  age: number,
  label?: string,
  mark?: TargetId | 'superseded',
): Snapshot => ({
  label: label === undefined ? series.label(new Date(age * 1_000), 1) : parseSnapshotLabel(label),
  guid: parseGuid(String(age)),
  createtxg: age,
  mark,
});

/** A bookmark of the snapshot of that age. */
export const bookmark = (age: number, label: string): Bookmark => ({
  label: parseBookmarkLabel(label),
  guid: parseGuid(String(age)),
  createtxg: age,
});

const byAge = (a: Snapshot | Bookmark, b: Snapshot | Bookmark) => a.createtxg - b.createtxg;

export const listing = (
  snapshots: readonly Snapshot[],
  bookmarks: readonly Bookmark[] = [],
  changes: Partial<SourceListing> = {},
): SourceListing => ({
  type: 'filesystem',
  encryption: undefined,
  origin: undefined,
  compression: 'off',
  ratio: 1,
  properties: [undefined, undefined],
  snapshots: snapshots.toSorted(byAge),
  bookmarks: bookmarks.toSorted(byAge),
  ...changes,
});

/** Encrypted with a key of that dataset, loaded or not. */
export const encryptedBy = (root: string, isLoaded = true): Encryption => ({
  root: parseDatasetName(root),
  isLoaded,
});

/** A source with one snapshot that is encrypted, and its key not loaded. */
export const lockedSource = listing([snapshot(1)], [], {
  encryption: encryptedBy('tank/vm', false),
});

/** A replica as zferry leaves it. */
export const replica = (
  snapshots: readonly Snapshot[],
  changes: Partial<TargetDataset> = {},
): TargetDataset => ({
  type: 'filesystem',
  readonly: true,
  written: 0,
  resumeToken: undefined,
  encryption: undefined,
  snapshots: snapshots.map((each) => ({ ...each, mark: undefined })),
  ...changes,
});

export const facts = (
  dataset: TargetDataset | undefined,
  changes: Partial<TargetFacts> = {},
): TargetFacts => ({
  hasZfs: true,
  decompressors: new Set(['lzop']),
  predecessors: [],
  poolGuid: parseGuid('77'),
  takesStored: true,
  parentExists: true,
  parentEncryption: undefined,
  dataset,
  below: new Map(),
  hasAside: false,
  complaint: undefined,
  ...changes,
});
