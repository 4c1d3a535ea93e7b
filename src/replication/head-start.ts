import type { TargetFacts, TargetGlimpse, TargetTraits } from '../hosts/target-facts.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Bookmark, SourceGlimpse, SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type SnapshotLabel, snapshotName } from '../zfs/names.ts';
import { bookmarked, bookmarkOf, snapshotIn } from './bookmarking.ts';
import { EarlyWork, lockEarly, wordFor } from './early.ts';
import { type Clean, isFresh, type Memory, needsNoHistory } from './memory.ts';
import { bookmarksFor } from './records.ts';
import type { Run } from './run.ts';
import { destroyEach, firstBookmarkFor } from './snapshot.ts';
import { glanceAtSource, lookAtSource } from './survey.ts';
import { takingBack } from './taking-back.ts';
import { isPrimed, type TargetId } from './target-id.ts';

/** A new snapshot for a target, and the source as it was listed with it. */
export interface Beginning {
  readonly label: SnapshotLabel;
  readonly source: SourceListing;
  /** Full names of what was made, to be destroyed in this order where nobody needs it. */
  readonly made: readonly string[];
}

/** The same, with a source whose snapshots were not listed: only where the last cycle left nothing but its own. */
export interface ShortBeginning {
  readonly label: SnapshotLabel;
  readonly source: SourceGlimpse;
  /** What the last cycle brought to the target, and by which bookmark the source still has it. */
  readonly clean: Clean;
  readonly base: Bookmark;
  /** The bookmark of the new snapshot, with its guid. */
  readonly pending: Bookmark;
  readonly made: readonly string[];
}

/** True where nothing but an increment from the last verified snapshot can be what the target needs. */
const isOrdinary = ({ resumeToken, readonly, written }: TargetTraits): boolean =>
  resumeToken === undefined && readonly && written === 0;

/** The same by what a target says that was asked about that snapshot alone. */
const isAsLeft = (target: TargetGlimpse, { clean, label }: ShortBeginning): boolean =>
  isOrdinary(target) &&
  target.named?.guid === clean.guid &&
  target.named.label !== label &&
  // A newer snapshot there may have come from this source: only the whole listing knows which is the base then.
  target.writtenSince === 0;

/** What a glimpse shows when nothing has happened since: of the target's bookmarks the last cycle's and the new one. */
const bookmarksOfTwo = (
  source: SourceGlimpse,
  id: TargetId,
  clean: Clean,
  made: string,
): Pick<ShortBeginning, 'base' | 'pending'> | undefined => {
  const [base, pending, ...others] = bookmarksFor(source, id);
  if (base === undefined || pending === undefined || others.length > 0) return undefined;
  const fits = base.guid === clean.guid && isPrimed(base.label, id) && pending.label === made;
  return fits ? { base, pending } : undefined;
};

/**
 * The source's part of an ordinary cycle, done while ssh is still connecting: the target's lock, snapshot, listing,
 * bookmark. It takes the last run's word for which target that is, and is begun only when that run succeeded;
 * what turns out not to fit is taken back before anything else is made.
 */
export class HeadStart extends EarlyWork {
  readonly #run: Run;
  readonly #memory: Memory | undefined;
  readonly #made: string[] = [];
  #beginning: Beginning | undefined;
  #short: ShortBeginning | undefined;

  constructor(run: Run) {
    const memory = wordFor(run);
    super(memory?.target);
    this.#run = run;
    this.#memory = memory;
  }

  /** The one snapshot that the target is to be asked about; undefined where all must be listed. */
  get known(): SnapshotLabel | undefined {
    return this.#clean?.label;
  }

  get #clean(): Clean | undefined {
    const { request, started } = this.#run;
    const clean = this.#memory?.clean;
    return clean !== undefined && needsNoHistory(request) && isFresh(clean, started.getTime())
      ? clean
      : undefined;
  }

  /** What was begun, for its taker to use or destroy; undefined where it does not fit that target, and is gone. */
  async take(id: TargetId, { dataset }: TargetFacts): Promise<Beginning | undefined> {
    const beginning = this.#beginning;
    if (beginning === undefined || id !== this.target || !dataset) return await this.drop();
    const isNew = dataset.snapshots.every(({ label }) => label !== beginning.label);
    if (!(isNew && isOrdinary(dataset))) return await this.drop();
    this.#made.length = 0;
    this.#beginning = undefined;
    return beginning;
  }

  /** What was begun with a glimpse, where it fits; whoever uses it calls {@link takeShort}. */
  offer(id: TargetId, target: TargetGlimpse): ShortBeginning | undefined {
    const short = this.#short;
    return short !== undefined && id === this.target && isAsLeft(target, short) ? short : undefined;
  }

  /** What was offered is its taker's now, to use or destroy. */
  takeShort(): void {
    this.#made.length = 0;
    this.#short = undefined;
  }

  /** Takes back what nobody took, also when the run is being ended. */
  async drop(): Promise<undefined> {
    await this.ready();
    this.#beginning = undefined;
    this.#short = undefined;
    const names = this.#made.splice(0).toReversed();
    const { share } = this.#run.member;
    await takingBack(this.#run, names, (zfs) => share.takeBack(zfs, names));
    return undefined;
  }

  protected override async prepare(id: TargetId): Promise<void> {
    const { request, tether, member, observer } = this.#run;
    const { dataset } = request.pair.source;
    const { lock, zfs } = await lockEarly(this.#run, id);
    observer.step('making a snapshot');
    const { label } = await member.share.obtain({ request, zfs, id }, new Set());
    this.#made.push(snapshotName(dataset, label));
    tether.signal.throwIfAborted();
    // Both locks must say the same: other runs may have come to this target by another name.
    const clean = lock.remembered === this.#run.lock.remembered ? this.#clean : undefined;
    this.#short = clean && (await this.#glance(zfs, id, label, clean));
    if (this.#short !== undefined) return;
    tether.signal.throwIfAborted();
    const listed = await lookAtSource(zfs, dataset, id);
    const sent = snapshotIn(listed, label);
    const others = listed.bookmarks.filter(({ guid }) => guid !== sent.guid);
    // A target's first bookmark says by being alone that its snapshot arrived: it is not for now.
    if (!others.some((bookmark) => isPrimed(bookmark.label, id))) {
      await destroyEach(zfs, this.#made.splice(1));
      return;
    }
    tether.signal.throwIfAborted();
    const source = await bookmarked({ request, zfs, id }, listed, sent, false);
    const bookmark = bookmarkOf(source, id, sent.guid);
    if (bookmark !== undefined) this.#making(bookmarkName(dataset, bookmark.label));
    this.#beginning = { label, source, made: this.#made.toReversed() };
  }

  #making(name: string): void {
    if (!this.#made.includes(name)) this.#made.push(name);
  }

  /**
   * The same without a listing of snapshots: the new one's guid is that of its bookmark, which is made first. undefined
   * where what there is does not fit.
   */
  async #glance(
    zfs: Zfs,
    id: TargetId,
    label: SnapshotLabel,
    clean: Clean,
  ): Promise<ShortBeginning | undefined> {
    const { dataset } = this.#run.request.pair.source;
    const own = await firstBookmarkFor(zfs, dataset, label, { target: id, priming: false });
    if (own === undefined) return undefined;
    this.#making(bookmarkName(dataset, own));
    this.#run.tether.signal.throwIfAborted();
    const source = await glanceAtSource(zfs, dataset, id, clean.label);
    const two = bookmarksOfTwo(source, id, clean, own);
    return two && { label, source, clean, ...two, made: this.#made.toReversed() };
  }
}
