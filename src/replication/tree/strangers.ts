import { refusal, type ZferryError } from '../../errors.ts';
import type { TargetDataset, TargetFacts } from '../../hosts/target-facts.ts';
import { pasteable } from '../../hosts/words.ts';
import type { Zfs } from '../../hosts/zfs-command.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import type { DatasetName, Guid } from '../../zfs/names.ts';
import { where } from '../hints.ts';
import { commonBase, datasetProblem, matchProblem } from '../plan.ts';
import { bookmarksFor } from '../records.ts';
import type { Pair, Request } from '../request.ts';
import { lookIntoToken } from '../survey.ts';
import { type TargetId, targetIdOf } from '../target-id.ts';
import { type Member, memberAt } from './members.ts';

/** What is known of both sides of a tree. */
interface TreeSight {
  readonly request: Request;
  readonly zfs: Zfs;
  /** That of the root's target. */
  readonly id: TargetId;
  readonly facts: TargetFacts;
}

type Listings = ReadonlyMap<DatasetName, SourceListing>;

/**
 * True where the source remembers that target by a bookmark. The bookmarks of a tree's members bear the id of its root's
 * target: what is really below that target has these from its place there, and none of them is about the root.
 */
const isRecorded = (
  { id, facts }: TreeSight,
  { pair, path }: Member,
  source: SourceListing,
): boolean => {
  const own = targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
  const isKnown = [id, own].some((each) => bookmarksFor(source, each).length > 0);
  if (!isKnown || path !== '') return isKnown;
  return ![...facts.below.values()].some((each) => commonBase(source, each) !== undefined);
};

/** True where a snapshot of that source is on its way into the target: a first full send that broke off. */
const isComing = async (
  zfs: Zfs,
  { source: { dataset } }: Pair,
  source: SourceListing,
  { resumeToken }: TargetDataset,
): Promise<boolean> => {
  const contents = resumeToken && (await lookIntoToken(zfs, resumeToken));
  if (!contents) return false;
  const here = [...source.snapshots, ...source.bookmarks];
  return (
    contents.toName.startsWith(`${dataset}@`) && here.some(({ guid }) => guid === contents.toGuid)
  );
};

/**
 * True where the dataset at a member's place is its replica, in whatever trouble that may be: both have a snapshot in
 * common, or the source remembers that they had. Anything else is somebody else's: nothing is put below it.
 */
const isReplica = async (
  sight: TreeSight,
  member: Member,
  source: SourceListing,
  target: TargetDataset,
): Promise<boolean> => {
  if (source.type !== target.type) return false;
  if (commonBase(source, target) !== undefined || isRecorded(sight, member, source)) return true;
  return await isComing(sight.zfs, member.pair, source, target);
};

/** Why somebody else's dataset is not taken for the root's replica. */
const foreignRoot = (
  request: Request,
  source: SourceListing,
  target: TargetDataset,
): ZferryError => {
  const { pair } = request;
  if (source.type !== target.type) {
    const mismatch = matchProblem(request, source, target);
    if (mismatch !== undefined) return mismatch;
  }
  const isEmpty = target.snapshots.length === 0 && target.resumeToken === undefined;
  const made = isEmpty ? datasetProblem(request, target) : undefined;
  return (
    made ??
    refusal(
      `${where(pair)} is not a replica of ${pair.source.dataset}: they have no common snapshot, and never had one as far as ${pair.source.dataset} remembers`,
      'give another name for the target',
    )
  );
};

/**
 * Why a tree cannot go where it is asked to: what stands there is not its root's replica, and its members would go
 * among the datasets of somebody else. undefined where it can.
 */
export const foreignRootProblem = async (
  sight: TreeSight,
  listings: Listings,
): Promise<ZferryError | undefined> => {
  const { request, facts } = sight;
  const target = facts.dataset;
  const source = listings.get(request.pair.source.dataset);
  if (target === undefined || source === undefined) return undefined;
  // The person has said that what was received in part is to go.
  if (request.abortPartial && target.resumeToken !== undefined) return undefined;
  const isOwn = await isReplica(sight, memberAt(request.pair, ''), source, target);
  return isOwn ? undefined : foreignRoot(request, source, target);
};

/** The datasets above a member, from its tree's root down. */
const above = (pair: Pair, { path }: Member): readonly Member[] => {
  if (path === '') return [];
  const parts = path.split('/');
  return parts.map((_, depth) => memberAt(pair, parts.slice(0, depth).join('/')));
};

/**
 * Tells why a member that is not on the target is not made there: it would go below somebody else's. undefined where it can be.
 * Each dataset above is judged once, however many are below it.
 */
export const foreignParents = (
  sight: TreeSight,
  listings: Listings,
): ((member: Member) => Promise<ZferryError | undefined>) => {
  const { request, facts } = sight;
  const judged = new Map<string, Promise<boolean>>();
  const isForeign = async (each: Member): Promise<boolean> => {
    const { source, target } = each.pair;
    const listing = listings.get(source.dataset);
    const there = each.path === '' ? facts.dataset : facts.below.get(target.dataset);
    if (listing === undefined || there === undefined) return false;
    return !(await isReplica(sight, each, listing, there));
  };
  const judge = (each: Member): Promise<boolean> => {
    const verdict = judged.get(each.path) ?? isForeign(each);
    judged.set(each.path, verdict);
    return verdict;
  };
  return async (member) => {
    for (const each of above(request.pair, member)) {
      const { pair, path } = each;
      if (!(await judge(each))) continue;
      return refusal(
        `${member.pair.target.dataset} is not made: ${where(pair)} above it is not a replica of ${pair.source.dataset}`,
        path === ''
          ? 'give another name for the target'
          : `leave that and all below it out: ${pasteable(['--exclude', path])}`,
      );
    }
    return undefined;
  };
};
