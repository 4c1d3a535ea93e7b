import type { TargetDataset, TargetFacts } from '../hosts/agent-report.ts';
import type { SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type SnapshotLabel, snapshotName } from '../zfs/names.ts';
import { bookmarked, bookmarkOf, snapshotIn } from './bookmarking.ts';
import { lockTarget, partiesOf } from './locking.ts';
import type { Run } from './run.ts';
import { lookAtSource } from './survey.ts';
import { grace, takingBack } from './taking-back.ts';
import { isPrimed, parseTargetId, type TargetId } from './target-id.ts';

/** A new snapshot for a target, and the source as it was listed with it. */
export interface Beginning {
  readonly label: SnapshotLabel;
  readonly source: SourceListing;
  /** Full names of what was made, to be destroyed in this order where nobody needs it. */
  readonly made: readonly string[];
}

/** The same signal, late: a command that was begun may end, so that what it made is known and can be taken back. */
const late = (signal: AbortSignal): AbortSignal => {
  const controller = new AbortController();
  const abort = () => setTimeout(() => controller.abort(signal.reason), grace).unref();
  signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
};

/** True where nothing but an increment from the last verified snapshot can be what the target needs. */
const isOrdinary = ({ resumeToken, readonly, written, snapshots }: TargetDataset, label: string) =>
  resumeToken === undefined &&
  readonly &&
  written === 0 &&
  snapshots.every((snapshot) => snapshot.label !== label);

/**
 * The source's part of an ordinary cycle, done while ssh is still connecting: the target's lock, snapshot, listing,
 * bookmark. It takes the last run's word for which target that is, and is begun only when that run succeeded;
 * what turns out not to fit is taken back before anything else is made.
 */
export class HeadStart {
  readonly #run: Run;
  readonly #id: TargetId | undefined;
  readonly #made: string[] = [];
  #work: Promise<void> | undefined;
  #beginning: Beginning | undefined;

  constructor(run: Run) {
    const { intent, rollback, abortPartial, replace } = run.request;
    this.#run = run;
    this.#id =
      intent === 'prime' || rollback || abortPartial || replace || run.lock.remembered === undefined
        ? undefined
        : parseTargetId(run.lock.remembered);
  }

  /** Begins, where the last run left word of its target; a second call does nothing. */
  begin(): void {
    if (this.#id === undefined || this.#work !== undefined) return;
    // What fails here is tried again, and said, when the target has answered.
    this.#work = this.#prepare(this.#id).catch(() => undefined);
  }

  /** Waits for what was begun. */
  async ready(): Promise<void> {
    await this.#work;
  }

  /** What was begun, for its taker to use or destroy; undefined where it does not fit that target, and is gone. */
  async take(id: TargetId, { dataset }: TargetFacts): Promise<Beginning | undefined> {
    const beginning = this.#beginning;
    if (beginning === undefined || id !== this.#id || !dataset) return await this.drop();
    if (!isOrdinary(dataset, beginning.label)) return await this.drop();
    this.#made.length = 0;
    this.#beginning = undefined;
    return beginning;
  }

  /** Takes back what nobody took, also when the run is being ended. */
  async drop(): Promise<undefined> {
    await this.#work;
    this.#beginning = undefined;
    const names = this.#made.splice(0).toReversed();
    const { share } = this.#run.member;
    await takingBack(this.#run, names, (zfs) => share.takeBack(zfs, names));
    return undefined;
  }

  async #prepare(id: TargetId): Promise<void> {
    const { request, started, tether, member, observer, source: from } = this.#run;
    const { pair } = request;
    const { dataset } = pair.source;
    const lock = await lockTarget(partiesOf(pair, from.poolGuid), id, started, tether);
    member.targetLocks.set(id, lock);
    const locks = [...tether.locks, lock.descriptor];
    const zfs = from.zfs({ ...tether, locks, signal: late(tether.signal) });
    observer.step('making a snapshot');
    const { label } = await member.share.obtain({ request, zfs, id }, new Set());
    this.#made.push(snapshotName(dataset, label));
    tether.signal.throwIfAborted();
    const listed = await lookAtSource(zfs, dataset, id);
    // A target's first bookmark says by being alone that its snapshot arrived: it is not for now.
    if (!listed.bookmarks.some((bookmark) => isPrimed(bookmark.label, id))) return;
    tether.signal.throwIfAborted();
    const sent = snapshotIn(listed, label);
    const source = await bookmarked({ request, zfs, id }, listed, sent, false);
    const bookmark = bookmarkOf(source, id, sent.guid);
    if (bookmark !== undefined) this.#made.push(bookmarkName(dataset, bookmark.label));
    this.#beginning = { label, source, made: this.#made.toReversed() };
  }
}
