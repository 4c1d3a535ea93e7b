import { asZferryError } from '../errors.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Snapshot, SourceGlimpse } from '../zfs/listing.ts';
import { bookmarkName, type DatasetName } from '../zfs/names.ts';
import type { Delivery } from './delivery.ts';
import { isTidyAfter, pruneReplaced, pruneSource, type SourcePruning } from './pruning.ts';
import type { Arrival } from './situation.ts';
import { bookmarkFor, destroyEach, type Kept, pruneBookmarks, pruneSnapshots } from './snapshot.ts';
import { lookAtSnapshot } from './survey.ts';
import { bookmarkMeaning, isPrimed, placeProperty } from './target-id.ts';

/** What is recorded of a delivery once it is verified. */
export type Verified = Pick<Delivery, 'source' | 'sent' | 'replaced'> &
  Partial<Pick<Delivery, 'base' | 'target'>>;

/** A bookmark cannot be renamed: the one that says "priming" gives way to one that says "verified". */
const confirmFirst = async (
  { request, zfs, id }: Arrival,
  { source, sent }: Verified,
): Promise<void> => {
  const { dataset } = request.pair.source;
  const own = source.bookmarks.filter(
    ({ label, guid }) => guid === sent.guid && bookmarkMeaning(label)?.target === id,
  );
  if (own.some(({ label }) => isPrimed(label, id))) return;
  await bookmarkFor(zfs, dataset, sent, { target: id, priming: false }, source.bookmarks);
  await destroyEach(
    zfs,
    own.map(({ label }) => bookmarkName(dataset, label)),
  );
};

const recordPlace = async ({ request, zfs, id }: Arrival, { source }: Verified): Promise<void> => {
  const { target, source: from } = request.pair;
  const [, place] = source.properties;
  if (place !== undefined) return;
  await zfs.tell(['set', `${placeProperty(id)}=${target.typed}`, from.dataset]);
};

/** The snapshot of the base, where it was not listed; undefined where it is not there, or not what its name says. */
const replacedSnapshot = async (
  zfs: Zfs,
  dataset: DatasetName,
  { hasNamed }: SourceGlimpse,
  { base, target }: Verified,
): Promise<Snapshot | undefined> => {
  if (!hasNamed || base === undefined) return undefined;
  // The target took a stream that began with it: it has that guid.
  if (base.kind === 'snapshot') return base;
  const label = target !== undefined && 'named' in target ? target.named?.label : undefined;
  const found = label && (await lookAtSnapshot(zfs, dataset, label));
  return found !== undefined && found.guid === base.guid ? found : undefined;
};

/** What is to be pruned on the source. */
interface Due {
  readonly pruning: SourcePruning;
  /** True where nothing of the series is left then to be pruned by a later cycle. */
  readonly isTidy: boolean;
}

const dueOf = async ({ request, zfs, id }: Arrival, verified: Verified): Promise<Due> => {
  const { series, keep, pair } = request;
  const { source, sent, replaced } = verified;
  if ('hasNamed' in source) {
    // The source was asked for no snapshots: only the base can be due.
    const base = await replacedSnapshot(zfs, pair.source.dataset, source, verified);
    const pruning = pruneReplaced({ source, target: id, series, sent, base });
    return { pruning, isTidy: pruning.postponed.length === 0 };
  }
  const pruning = pruneSource({ source, target: id, series, sent, replaced, keep });
  const isTidy =
    pruning.postponed.length === 0 && isTidyAfter(source.snapshots, pruning.snapshots, series);
  return { pruning, isTidy };
};

/**
 * What is recorded and pruned on the source once the target is verified. None of it throws: the target is current,
 * whatever becomes of this. What could not be done goes into the story, and the next cycle does it.
 */
export class Settlement {
  readonly #arrival: Arrival;
  readonly #verified: Verified;
  #due: Promise<Due> | undefined;
  #pruned: Promise<void> | undefined;
  #left: readonly Kept[] = [];
  #hasFailed = false;

  constructor(arrival: Arrival, verified: Verified) {
    this.#arrival = arrival;
    this.#verified = verified;
  }

  /**
   * Prunes the snapshots, also while the target itself still prunes: the base of each has its bookmark, and the new one
   * is on both sides. The bookmarks stay. Where the target's session breaks off now, the older one tells the next
   * cycle what is still to be pruned there.
   */
  prune(): Promise<void> {
    const { zfs } = this.#arrival;
    this.#pruned ??= this.#attempt(async () => {
      const { pruning } = await this.#look();
      return await pruneSnapshots(zfs, this.#dataset, pruning);
    });
    return this.#pruned;
  }

  /** Does the rest, once the target's session has ended as it should. Answers whether nothing is left to be done here. */
  async end(): Promise<boolean> {
    await this.prune();
    let isTidy = false;
    await this.#attempt(async () => {
      await confirmFirst(this.#arrival, this.#verified);
      await recordPlace(this.#arrival, this.#verified);
      // Where it could not be known what is due, that was said.
      if (this.#hasFailed) return [];
      const due = await this.#look();
      isTidy = due.isTidy;
      return await pruneBookmarks(this.#arrival.zfs, this.#dataset, due.pruning);
    });
    await this.idle();
    return isTidy && !this.#hasFailed;
  }

  get isBegun(): boolean {
    return this.#pruned !== undefined;
  }

  /** Waits for what was begun, and says what of it could not be done: behind what the target could not do. */
  async idle(): Promise<void> {
    await this.#pruned;
    const { story } = this.#arrival;
    story.kept = [...story.kept, ...this.#left];
    this.#left = [];
  }

  get #dataset(): DatasetName {
    return this.#arrival.request.pair.source.dataset;
  }

  #look(): Promise<Due> {
    this.#due ??= dueOf(this.#arrival, this.#verified);
    return this.#due;
  }

  async #attempt(work: () => Promise<readonly Kept[]>): Promise<void> {
    const left = await work().catch((error: unknown) => {
      this.#hasFailed = true;
      const name = `the record on ${this.#dataset}`;
      return [{ name, reason: asZferryError(error).message, inUse: false }];
    });
    this.#left = [...this.#left, ...left];
  }
}

/** Settles all of it at once; answers whether nothing is left to be done on the source. */
export const settle = (arrival: Arrival, verified: Verified): Promise<boolean> =>
  new Settlement(arrival, verified).end();
