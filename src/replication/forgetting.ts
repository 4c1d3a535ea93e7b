import { usageError, ZferryError } from '../errors.ts';
import { isSamePlace, type Place, parseTarget } from '../hosts/place.ts';
import { pasteable } from '../hosts/words.ts';
import type { Bookmark, Snapshot, SourceListing } from '../zfs/listing.ts';
import { shown } from '../zfs/names.ts';
import { neededByOthers, unused } from './pruning.ts';
import { bookmarksFor } from './records.ts';
import type { Series } from './series.ts';
import { bookmarkMeaning, type TargetId } from './target-id.ts';

/** A target of which a source keeps something. */
export interface KnownTarget {
  readonly id: TargetId;
  /** As it was typed; undefined for one that was never verified. */
  readonly place: string | undefined;
}

const idPattern = /^[0-9a-f]{10}$/;
const propertyPattern = /^zferry:(target|stream)\.([0-9a-f]{10})$/;

/** Every target that a source knows, by its own properties (name, value), bookmarks and marks; by id. */
export const knownTargets = (
  { snapshots, bookmarks }: Pick<SourceListing, 'snapshots' | 'bookmarks'>,
  properties: ReadonlyMap<string, string>,
): readonly KnownTarget[] => {
  const places = new Map<string, string | undefined>();
  for (const { mark = '' } of snapshots) if (idPattern.test(mark)) places.set(mark, undefined);
  for (const { label } of bookmarks) {
    const target = bookmarkMeaning(label)?.target;
    if (target !== undefined) places.set(target, undefined);
  }
  for (const [name, value] of properties) {
    const [, kind, id = ''] = propertyPattern.exec(name) ?? [];
    if (kind === 'target') places.set(id, value);
    if (kind === 'stream' && !places.has(id)) places.set(id, undefined);
  }
  return [...places]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([id, place]) => ({ id: id as TargetId, place }));
};

/** Reads a target for {@link isSamePlace}; undefined for words that name none. */
const placeFrom = (typed: string, source: Place): Place | undefined => {
  try {
    return parseTarget(typed, source);
  } catch (error) {
    // A property is written by anybody who may: what is no place is nobody's.
    if (error instanceof ZferryError) return undefined;
    throw error;
  }
};

/** A target for people: by its place, and the id that `forget` takes too. */
export const targetShown = ({ id, place }: KnownTarget): string =>
  place === undefined ? `${id} (never verified)` : `${shown(place)} (${id})`;

/**
 * The targets that a person means: the one of that id, or all that were typed as that place (a pool that is
 * made anew has another id). Throws a usage error that lists those that are known.
 */
export const meantTargets = (
  source: Place,
  typed: string,
  known: readonly KnownTarget[],
): readonly KnownTarget[] => {
  const byId = known.filter(({ id }) => id === typed);
  if (byId.length > 0) return byId;
  const wanted = parseTarget(typed, source);
  const meant = known.filter(({ place }) => {
    const recorded = place === undefined ? undefined : placeFrom(place, source);
    return recorded !== undefined && isSamePlace(wanted, recorded);
  });
  if (meant.length > 0) return meant;
  const message = `${source.dataset} has no target ${shown(typed)}`;
  const [first] = known;
  if (first === undefined) throw usageError(message, 'it has none at all');
  throw usageError(
    message,
    `it has ${known.map(targetShown).join(', ')}; an ID does too: ${pasteable(['zferry', 'forget', source.typed, first.id])}`,
  );
};

/** What becomes of a target's snapshots and bookmarks on the source. */
export interface Forgetting {
  /** Those that served this target only. */
  readonly snapshots: readonly Snapshot[];
  readonly bookmarks: readonly Bookmark[];
  /** Made for it, and perhaps a history that somebody keeps, or needed by another target. */
  readonly staying: readonly Snapshot[];
}

/** Decides what goes with a target. `source` is the listing with that target's two properties. */
export const decideForgetting = (
  source: SourceListing,
  target: TargetId,
  series: Series,
): Forgetting => {
  const bookmarks = bookmarksFor(source, target);
  const needed = neededByOthers({ source, target });
  const bases = new Set(bookmarks.map(({ guid }) => guid));
  const sent = { createtxg: Number.POSITIVE_INFINITY };
  const leftovers = new Set(
    unused({ source, target, series, sent, replaced: undefined, keep: undefined }),
  );
  const made = source.snapshots.filter(({ mark }) => mark === target);
  const snapshots = made.filter(
    (snapshot) =>
      // The mark stays with a snapshot that somebody renamed to keep it.
      series.timeOf(snapshot.label) !== undefined &&
      !needed.has(snapshot.guid) &&
      (bases.has(snapshot.guid) || leftovers.has(snapshot)),
  );
  const going = new Set(snapshots);
  return { snapshots, bookmarks, staying: made.filter((snapshot) => !going.has(snapshot)) };
};
