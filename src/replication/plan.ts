import { failure, refusal, ZferryError } from '../errors.ts';
import { hostShown } from '../hosts/place.ts';
import type { HostFacts, TargetDataset, TargetFacts } from '../hosts/target-facts.ts';
import type { Snapshot, SourceListing, SourceTraits } from '../zfs/listing.ts';
import { type Guid, parentOf, poolOf, shown, snapshotName } from '../zfs/names.ts';
import type { Base, TokenContents } from '../zfs/send.ts';
import { asideSuffix, siblingOf } from '../zfs/siblings.ts';
import {
  encryptionProblem,
  goesRaw,
  keyProblem,
  newEncryptionProblem,
  type ReplicaTraits,
} from './encryption.ts';
import { onTarget, sendAnew, where, zferry } from './hints.ts';
import type { Request } from './request.ts';
import { parseStreamRecord } from './stream-record.ts';

/** Why the host of the target cannot serve at all; undefined where it can. */
export const hostProblem = (request: Request, facts: HostFacts): ZferryError | undefined => {
  const { pair } = request;
  const host = hostShown(pair.target.host);
  if (!facts.hasZfs) {
    return failure(
      `there is no zfs command on ${host}`,
      'install OpenZFS there, or see that its folder is on the PATH of this ssh user',
    );
  }
  const { complaint } = facts;
  if (complaint !== undefined) return failure(`zfs on ${host}: ${complaint}`);
  const pool = poolOf(pair.target.dataset);
  if (facts.poolGuid === undefined) {
    return failure(
      `the pool ${pool} is not imported on ${host}`,
      onTarget(request, 'zpool', 'import', pool),
    );
  }
  return undefined;
};

/** Why a first full send cannot begin; undefined where it can. */
const primeProblem = (request: Request, facts: TargetFacts): ZferryError | undefined => {
  const { pair } = request;
  const parent = parentOf(pair.target.dataset) ?? pair.target.dataset;
  if (facts.parentExists) return undefined;
  return refusal(
    `the parent dataset ${parent} does not exist on ${hostShown(pair.target.host)}`,
    onTarget(request, 'zfs', 'create', '-p', '-o', 'canmount=off', '-o', 'readonly=on', parent),
  );
};

/** Why the dataset there cannot take an increment; undefined where it can. */
export const datasetProblem = (
  request: Request,
  dataset: TargetDataset,
): ZferryError | undefined => {
  const { pair } = request;
  const name = pair.target.dataset;
  if (dataset.snapshots.length === 0 && dataset.resumeToken === undefined) {
    return refusal(
      `${where(pair)} has no snapshots: it was made by something else than zferry prime`,
      `give another name for the target, or if nothing in it is needed: ${onTarget(request, 'zfs', 'destroy', name)}`,
    );
  }
  if (!dataset.readonly) {
    return refusal(
      `${where(pair)} is writable`,
      `make it read-only: ${onTarget(request, 'zfs', 'set', 'readonly=on', name)}`,
    );
  }
  return undefined;
};

/** Why this dataset there cannot take part, as far as it alone tells; undefined where it can. */
export const targetProblem = (request: Request, facts: TargetFacts): ZferryError | undefined => {
  if (facts.dataset !== undefined) return datasetProblem(request, facts.dataset);
  if (facts.hasAside) {
    return refusal(
      `${where(request.pair)} does not exist, but its old replica ${siblingOf(request.pair.target.dataset, asideSuffix)} does: prime --replace was interrupted`,
      `go on with it: ${zferry(request, 'prime', '--replace')}`,
    );
  }
  if (request.intent === 'prime') return primeProblem(request, facts);
  return refusal(
    `${where(request.pair)} does not exist: this pair is not primed, or the target was destroyed or renamed`,
    `make the first full send: ${zferry(request, 'prime')}`,
  );
};

/** What keeps the source from being sent; undefined where nothing does. */
export const sourceProblem = (request: Request, source: SourceTraits): ZferryError | undefined =>
  keyProblem(request, source);

/**
 * Why properties cannot go along; undefined where they can. A dataset that has not received any has its own taken for
 * received ones by the first stream that brings some (zfs_ioc_recv, dsl_prop_get_received in OpenZFS 2.3), and loses
 * them: readonly, canmount, a mountpoint.
 */
const propertiesProblem = (request: Request, source: SourceTraits): ZferryError | undefined => {
  if (!request.properties || parseStreamRecord(source.properties[0])?.properties) return undefined;
  return refusal(
    `${where(request.pair)} was begun without --properties: zfs would reset what is set on it, readonly too`,
    `leave --properties out, or send it anew with them: ${zferry(request, 'prime', '--replace')}`,
  );
};

/** Why this source cannot go on in that dataset, whatever snapshots both have; undefined where it can. */
export const matchProblem = (
  request: Request,
  source: SourceTraits,
  target: ReplicaTraits,
): ZferryError | undefined => {
  const { pair } = request;
  if (source.type === target.type) {
    return propertiesProblem(request, source) ?? encryptionProblem(request, source, target);
  }
  return refusal(
    `${pair.source.dataset} is a ${source.type}, and ${where(pair)} is a ${target.type}`,
    'give another name for the target',
  );
};

/** The newest snapshot, or bookmark where the snapshot is gone, whose guid the target has too. */
export const commonBase = (source: SourceListing, target: TargetDataset): Base | undefined => {
  const there = new Set(target.snapshots.map(({ guid }) => guid));
  const snapshot = source.snapshots.findLast(({ guid }) => there.has(guid));
  const bookmark = source.bookmarks.findLast(({ guid }) => there.has(guid));
  if (snapshot !== undefined && (bookmark?.createtxg ?? 0) <= snapshot.createtxg) {
    return { kind: 'snapshot', ...snapshot };
  }
  return bookmark && { kind: 'bookmark', ...bookmark };
};

const noBase = (request: Request, source: SourceListing, target: TargetDataset): ZferryError => {
  const { pair } = request;
  const here = new Map(source.snapshots.map(({ label, guid }) => [label, guid]));
  const namesake = target.snapshots.find(({ label }) => here.has(label));
  const also =
    namesake === undefined
      ? ''
      : ` (@${namesake.label} is on both, but it is not the same snapshot: the guids differ)`;
  const { dataset } = pair.target;
  // prime --replace asks this of the dataset that it receives into only.
  const hint = request.replace
    ? `give up that earlier try and begin anew: ${onTarget(request, 'zfs', 'destroy', '-r', dataset)} && ${zferry(request, 'prime')}`
    : sendAnew(request);
  return refusal(`${pair.source.dataset} and ${where(pair)} have no common snapshot${also}`, hint);
};

/** What a cycle that starts afresh is going to do. */
export type Plan =
  | { readonly kind: 'full' }
  | { readonly kind: 'incremental'; readonly base: Base }
  | { readonly kind: 'already primed'; readonly base: Base }
  | { readonly kind: 'refuse'; readonly error: ZferryError };

/** The target's head is not what the base left there: exit 3, unless the person lets it be rolled back. */
export class HeadChanged extends ZferryError {
  constructor(message: string, hint: string) {
    super('decide', message, hint);
  }
}

/** The target's head is not what the base (its guid) left there. */
export const changed = (
  request: Request,
  base: string | undefined,
  { snapshots }: Pick<TargetDataset, 'snapshots'>,
): HeadChanged => {
  const label = snapshots.find(({ guid }) => guid === base)?.label;
  const since = label === undefined ? '' : ` after its snapshot @${label}`;
  return new HeadChanged(
    `${where(request.pair)} was changed${since}`,
    `to give up the changes there (and snapshots newer than that one): ${zferry(request, 'run', '--rollback')}`,
  );
};

/** Decides how the new snapshot gets to a target that has no partial receive. */
export const decide = (request: Request, source: SourceListing, facts: TargetFacts): Plan => {
  const problem = sourceProblem(request, source);
  if (problem !== undefined) return { kind: 'refuse', error: problem };
  const { dataset } = facts;
  if (dataset === undefined) {
    const unfit = newEncryptionProblem(request, source, facts);
    return unfit === undefined ? { kind: 'full' } : { kind: 'refuse', error: unfit };
  }
  const mismatch = matchProblem(request, source, dataset);
  if (mismatch !== undefined) return { kind: 'refuse', error: mismatch };
  const base = commonBase(source, dataset);
  if (base === undefined) return { kind: 'refuse', error: noBase(request, source, dataset) };
  if (request.intent === 'prime') return { kind: 'already primed', base };
  // With --rollback it goes back to the base before anything is sent.
  if (dataset.written > 0 && !request.rollback) {
    return { kind: 'refuse', error: changed(request, base.guid, dataset) };
  }
  return { kind: 'incremental', base };
};

/** What is done about a partial receive on the target. */
export type PartialPlan =
  | {
      readonly kind: 'resume';
      readonly token: string;
      readonly snapshot: Snapshot;
      readonly fromGuid: string | undefined;
      readonly asStored: boolean;
      readonly raw: boolean;
    }
  /** It is ours, but its stream can no longer be made; giving it up costs nothing but what it had. */
  | { readonly kind: 'give up' }
  | { readonly kind: 'refuse'; readonly error: ZferryError };

const foreignPartial = (request: Request, why: string): PartialPlan => ({
  kind: 'refuse',
  error: refusal(
    `${where(request.pair)} has a partial receive ${why}`,
    `if nothing else is receiving there, give it up: ${zferry(request, 'prime', '--abort-partial')}`,
  ),
});

/** What else is known where a partial receive is met. */
export interface PartialHints {
  /** guid of the snapshot that the source is a clone of: a first send may begin with that, and with nothing else. */
  readonly origin?: Guid | undefined;
  /** The token of one that zfs has just refused to complete. */
  readonly stuck?: string | undefined;
}

/**
 * Decides about a partial receive. The token comes from the target and is taken as hostile: only when it
 * continues a snapshot of this very source, from a base that both sides have, raw or plain as the series
 * is, does it get near `zfs send -t`.
 */
export const decidePartial = (
  request: Request,
  source: SourceListing,
  target: TargetDataset,
  contents: TokenContents | undefined,
  { origin, stuck }: PartialHints = {},
): PartialPlan => {
  const problem = sourceProblem(request, source) ?? matchProblem(request, source, target);
  if (problem !== undefined) return { kind: 'refuse', error: problem };
  const isPrime = target.snapshots.length === 0;
  if (contents === undefined) return foreignPartial(request, 'whose token cannot be read');
  const { dataset } = request.pair.source;
  const here = new Set([...source.snapshots, ...source.bookmarks].map(({ guid }) => String(guid)));
  const snapshot = source.snapshots.find(({ guid }) => guid === contents.toGuid);
  const { fromGuid } = contents;
  const baseFits = isPrime
    ? fromGuid === undefined || fromGuid === origin
    : fromGuid !== undefined &&
      here.has(fromGuid) &&
      target.snapshots.some(({ guid }) => guid === fromGuid);
  const isOurs =
    contents.toName.startsWith(`${dataset}@`) && (here.has(contents.toGuid) || baseFits);
  if (!(isOurs || isPrime)) {
    return foreignPartial(request, `of ${shown(contents.toName)}, which is not of this source`);
  }
  const isWhatItSays =
    snapshot !== undefined && contents.sends === snapshotName(dataset, snapshot.label);
  const token = target.resumeToken ?? '';
  const raw = goesRaw(request, source);
  if (isWhatItSays && isOurs && baseFits && contents.raw === raw && token !== stuck) {
    // With --rollback it goes back to the base before anything is sent.
    const isAsLeft = isPrime || target.written === 0 || request.rollback;
    if (isAsLeft) {
      return { kind: 'resume', token, snapshot, fromGuid, asStored: contents.asStored, raw };
    }
    // zfs receive would say so too, but not before all of it has been sent.
    return { kind: 'refuse', error: changed(request, fromGuid, target) };
  }
  // zfs receive -A of a first full send destroys the dataset; that is for a person to say.
  if (isPrime) {
    return foreignPartial(request, `of ${shown(contents.toName)}, which cannot be continued`);
  }
  return { kind: 'give up' };
};
