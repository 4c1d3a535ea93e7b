import type { Bookmark, Snapshot, SourceListing, SourceTraits } from '../zfs/listing.ts';
import { supersededMark } from '../zfs/marks.ts';
import type { Guid } from '../zfs/names.ts';
import { type RetentionPolicy, retained } from './retention.ts';
import type { Series } from './series.ts';
import { bookmarkMeaning, isPrimed, type TargetId } from './target-id.ts';

/** What may go from the source once the new snapshot is verified on the target. */
export interface SourcePruning {
  readonly snapshots: readonly Snapshot[];
  /**
   * What would go if another target did not need it, as far as this listing tells. It must be marked before the
   * bookmarks go: two targets that are served side by side may each take it for the other's.
   */
  readonly postponed: readonly Snapshot[];
  /** The target's bookmarks that the new one takes over from. */
  readonly bookmarks: readonly Bookmark[];
}

/** What pruning is decided from. */
export interface PruningQuestion {
  readonly source: SourceListing;
  readonly target: TargetId;
  readonly series: Series;
  /** The snapshot that is being sent. */
  readonly sent: Snapshot;
  /** guid of the base that it replaces; undefined for a first full send. */
  readonly replaced: Guid | undefined;
  /** `--keep`: how many of the series stay on the source. */
  readonly keep: number | undefined;
}

/** The bookmarks of each target but this one, oldest first. */
const bookmarksOfOthers = (
  { bookmarks }: Pick<SourceTraits, 'bookmarks'>,
  target: TargetId,
): ReadonlyMap<TargetId, readonly Bookmark[]> => {
  const all = Map.groupBy(bookmarks, ({ label }) => bookmarkMeaning(label)?.target);
  return new Map(
    [...all].flatMap(([other, theirs]) =>
      other === undefined || other === target ? [] : [[other, theirs]],
    ),
  );
};

/** guids of what was sent to other targets and is not verified yet, as far as their bookmarks tell. */
const pendingForOthers = (
  source: Pick<SourceTraits, 'bookmarks'>,
  target: TargetId,
): ReadonlySet<Guid> => {
  const pending = [...bookmarksOfOthers(source, target).values()].flatMap((bookmarks) => {
    // Oldest first: with two, the newer is pending; a lone one is pending only while it primes.
    const [first, ...later] = bookmarks;
    const primes = first !== undefined && bookmarkMeaning(first.label)?.priming === true;
    return primes ? bookmarks : later;
  });
  return new Set(pending.map(({ guid }) => guid));
};

/** guids that other targets still need as snapshots: what was sent to them and is not verified yet. */
export const neededByOthers = ({
  source,
  target,
}: Pick<PruningQuestion, 'source' | 'target'>): ReadonlySet<Guid> => {
  const needed = new Set(pendingForOthers(source, target));
  const isBookmarked = new Set(
    source.bookmarks.filter(({ label }) => bookmarkMeaning(label)).map(({ guid }) => guid),
  );
  for (const [other, bookmarks] of bookmarksOfOthers(source, target)) {
    // Made by the other's run and seen before it came to bookmark it. Where any target has bookmarked it, several
    // share it, and those that use it have bookmarked it too.
    const newest = bookmarks.at(-1)?.createtxg ?? 0;
    for (const { mark, guid, createtxg } of source.snapshots) {
      if (mark === other && createtxg > newest && !isBookmarked.has(guid)) needed.add(guid);
    }
  }
  return needed;
};

/** True where `--keep` says how many of the series stay on the source. */
const isHistory = ({ series, keep }: Pick<PruningQuestion, 'series' | 'keep'>): boolean =>
  keep !== undefined && series.ownsItsNames;

const isOfSeries = ({ series }: Pick<PruningQuestion, 'series'>, { label }: Snapshot): boolean =>
  series.timeOf(label) !== undefined;

/** What {@link unused} is decided from; of what is being sent only its age. */
type UnusedQuestion = Pick<
  PruningQuestion,
  'source' | 'target' | 'series' | 'replaced' | 'keep'
> & {
  readonly sent: Pick<Snapshot, 'createtxg'>;
};

/**
 * Since when (createtxg) snapshots made for the target may be leftovers: since its verified bookmark. A cycle that was
 * cut short after its snapshot had arrived leaves that bookmark, and may leave what older cycles had left. Where a
 * history is kept, only what is newer than all that the target is known to have had: the rest is counted with it.
 */
const unusedSince = (question: UnusedQuestion): number => {
  const { source, target, replaced } = question;
  const first = source.bookmarks.find(({ label }) => isPrimed(label, target));
  if (first !== undefined && !isHistory(question)) return first.createtxg;
  const bases = [...source.snapshots, ...source.bookmarks].filter(({ guid }) => guid === replaced);
  return Math.max(0, first?.createtxg ?? 0, ...bases.map(({ createtxg }) => createtxg));
};

/**
 * Snapshots made for this target behind its last verified one: cycles that were cut short left them. Only
 * this pair makes such marks, and this run holds its lock, so that none of them is in use, but by other targets of
 * the run that made them: they have bookmarked it.
 */
export const unused = (question: UnusedQuestion): Snapshot[] => {
  const { source, target, series, sent } = question;
  const since = unusedSince(question);
  // A target whose place is recorded was current once. With no bookmark left to tell when, these may as well
  // be a history that somebody keeps.
  const [, place] = source.properties;
  if (since === 0 && place !== undefined) return [];
  return source.snapshots.filter(
    ({ label, mark, createtxg }) =>
      mark === target &&
      createtxg > since &&
      createtxg < sent.createtxg &&
      // The mark stays with a snapshot that somebody renamed to keep it.
      series.timeOf(label) !== undefined,
  );
};

/** What needs no snapshots to be decided. */
interface BookmarkQuestion extends Pick<PruningQuestion, 'target' | 'sent'> {
  readonly source: Pick<SourceTraits, 'bookmarks'>;
}

/** The target's bookmarks that the one of the sent snapshot takes over from. */
const supersededBookmarks = ({ source, target, sent }: BookmarkQuestion): readonly Bookmark[] =>
  source.bookmarks.filter(
    ({ label, guid }) => bookmarkMeaning(label)?.target === target && guid !== sent.guid,
  );

/**
 * What `--keep` gives up, or without it just the base that was replaced; and what was to go in an earlier
 * cycle and could not.
 */
const outdated = (question: PruningQuestion): Snapshot[] => {
  const { source, series, sent, keep } = question;
  const own = source.snapshots.filter(
    ({ label, createtxg }) => series.timeOf(label) !== undefined && createtxg <= sent.createtxg,
  );
  if (keep !== undefined && isHistory(question)) {
    // Without zferry's mark a snapshot of that name was received from elsewhere: it is somebody's base.
    return own.filter(({ mark }) => mark !== undefined).slice(0, -keep);
  }
  // A cycle that was cut short while it pruned leaves the older bookmark: its snapshot goes with it now.
  const given = replacedBases(question);
  return own.filter(({ guid, mark }) => given.has(guid) || mark === supersededMark);
};

/** Decides what may go from the source (rule 2 of what always holds; holds and clones zfs itself defends). */
export const pruneSource = (question: PruningQuestion): SourcePruning => {
  const { sent } = question;
  const needed = neededByOthers(question);
  const due = new Set([...outdated(question), ...unused(question)]);
  const candidates = [...due].filter(({ guid }) => guid !== sent.guid);
  const postponed = candidates.filter(({ guid }) => needed.has(guid));
  return {
    snapshots: candidates.filter(({ guid }) => !needed.has(guid)),
    // A history is counted anew in each cycle.
    postponed: isHistory(question) ? [] : postponed.filter(({ mark }) => mark !== supersededMark),
    bookmarks: supersededBookmarks(question),
  };
};

/** What {@link pruneReplaced} is decided from. */
export interface ReplacedQuestion extends BookmarkQuestion, Pick<PruningQuestion, 'series'> {
  /** The base that was replaced, where its snapshot is there. */
  readonly base: Snapshot | undefined;
}

/**
 * The same as {@link pruneSource} without a history, for a source of which no other snapshots were listed. It is right
 * where the cycle before left the base and nothing else to be done: what that one listed has told of the rest. What another
 * target needs of the base its bookmarks tell, because this target has bookmarked it too.
 */
export const pruneReplaced = (question: ReplacedQuestion): SourcePruning => {
  const { source, target, series, sent, base } = question;
  const isDue =
    base !== undefined && base.guid !== sent.guid && series.timeOf(base.label) !== undefined;
  const due = isDue ? [base] : [];
  const isNeeded = isDue && pendingForOthers(source, target).has(base.guid);
  return {
    snapshots: isNeeded ? [] : due,
    postponed: isNeeded ? due : [],
    bookmarks: supersededBookmarks(question),
  };
};

/** True where, besides what goes now, nothing of the series is left that an earlier cycle could not prune. */
export const isTidyAfter = (
  snapshots: readonly Snapshot[],
  gone: readonly Pick<Snapshot, 'guid'>[],
  series: Series,
): boolean => {
  const guids = new Set(gone.map(({ guid }) => guid));
  return snapshots.every(
    ({ label, mark, guid }) =>
      mark !== supersededMark || series.timeOf(label) === undefined || guids.has(guid),
  );
};

/** What {@link abandoned} is decided from. */
export interface AbandonedQuestion
  extends Pick<PruningQuestion, 'source' | 'target' | 'series' | 'sent' | 'keep'> {
  /** guid of the base that the new snapshot will be sent from; undefined for a first full send. */
  readonly base: Guid | undefined;
  /** guids of what the target has. It has no partial receive. */
  readonly there: ReadonlySet<string>;
}

/**
 * What earlier cycles made for this target, of which nothing arrived: a target that is cut off in each cycle must not
 * fill the source. Its verified bookmarks stay, and so does all that the target has.
 */
export const abandoned = (question: AbandonedQuestion): SourcePruning => {
  const { source, target, sent, base, there } = question;
  const has = ({ guid }: { readonly guid: Guid }) => guid === sent.guid || there.has(guid);
  const since = source.bookmarks.find(({ guid }) => guid === base)?.createtxg;
  const bookmarks = source.bookmarks.filter((bookmark) => {
    const meaning = bookmarkMeaning(bookmark.label);
    if (meaning?.target !== target || has(bookmark)) return false;
    return base === undefined ? meaning.priming : since !== undefined && bookmark.createtxg > since;
  });
  const pending = new Set(bookmarks.map(({ guid }) => guid));
  const leftovers = new Set(unused({ ...question, replaced: base }));
  const needed = neededByOthers(question);
  const due = source.snapshots.filter(
    (snapshot) =>
      !has(snapshot) &&
      (leftovers.has(snapshot) ||
        (pending.has(snapshot.guid) && !isHistory(question) && isOfSeries(question, snapshot))),
  );
  return {
    snapshots: due.filter(({ guid }) => !needed.has(guid)),
    postponed: due.filter(({ guid, mark }) => needed.has(guid) && mark !== supersededMark),
    bookmarks,
  };
};

/** guids of the bases that the sent snapshot replaces: the last one, and what was cut short before it. */
export const replacedBases = (
  question: BookmarkQuestion & Pick<PruningQuestion, 'replaced'>,
): ReadonlySet<Guid> => {
  const { replaced } = question;
  const bookmarked = supersededBookmarks(question).map(({ guid }) => guid);
  return new Set(replaced === undefined ? bookmarked : [...bookmarked, replaced]);
};

/** What pruning on the target is decided from. */
export interface TargetPruningQuestion {
  /** The target's, oldest first. */
  readonly snapshots: readonly Snapshot[];
  readonly series: Series;
  readonly sent: Snapshot;
  /** From {@link replacedBases}. */
  readonly replaced: ReadonlySet<Guid>;
  readonly policy: RetentionPolicy | undefined;
  readonly now: Date;
}

/** One cycle destroys no more than this: the rest goes in the next ones, and a command line has its limit. */
const mostAtOnce = 200;

/** By policy the snapshots of the series that it does not keep. The one that is sent counts as there. */
const outsidePolicy = (
  { series, sent, now }: TargetPruningQuestion,
  candidates: readonly Snapshot[],
  policy: RetentionPolicy,
): readonly Snapshot[] => {
  const dated = [...candidates, sent].flatMap((snapshot) => {
    const time = series.timeOf(snapshot.label);
    // A name from the future is of a clock that was wrong: it must not take the place of a real hour.
    return time === undefined || time > now ? [] : [{ time, snapshot }];
  });
  const kept = retained(dated, policy);
  return dated.filter((item) => !kept.has(item)).map(({ snapshot }) => snapshot);
};

/**
 * Decides what may go from the target once the new snapshot is there: by policy, or without one just the
 * base that was replaced; and what was to go in an earlier cycle and could not. Oldest first.
 */
export const pruneTarget = (question: TargetPruningQuestion): readonly Snapshot[] => {
  const { snapshots, series, sent, replaced, policy } = question;
  const others = snapshots.filter(
    ({ guid, label }) => guid !== sent.guid && series.timeOf(label) !== undefined,
  );
  const due = others.filter(({ guid, mark }) => replaced.has(guid) || mark === supersededMark);
  if (policy === undefined || !series.ownsItsNames) return due.slice(0, mostAtOnce);
  // With a mark of its own it was made there, for a target further on.
  const candidates = others.filter(({ mark }) => mark === undefined || mark === supersededMark);
  return outsidePolicy(question, candidates, policy).slice(0, mostAtOnce);
};
