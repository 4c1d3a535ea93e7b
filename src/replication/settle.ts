import { asZferryError } from '../errors.ts';
import { bookmarkName, type DatasetName } from '../zfs/names.ts';
import type { Delivery } from './prepare.ts';
import { pruneSource, type SourcePruning } from './pruning.ts';
import type { Situation } from './situation.ts';
import { bookmarkFor, destroyEach, type Kept, pruneBookmarks, pruneSnapshots } from './snapshot.ts';
import { bookmarkMeaning, isPrimed, placeProperty } from './target-id.ts';

/** What is recorded of a delivery once it is verified. */
export type Verified = Pick<Delivery, 'source' | 'sent' | 'replaced'>;

/** A bookmark cannot be renamed: the one that says "priming" gives way to one that says "verified". */
const confirmFirst = async (
  { request, zfs, id }: Situation,
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

const recordPlace = async (
  { request, zfs, id }: Situation,
  { source }: Verified,
): Promise<void> => {
  const { target, source: from } = request.pair;
  const [, place] = source.properties;
  if (place !== undefined) return;
  await zfs.tell(['set', `${placeProperty(id)}=${target.typed}`, from.dataset]);
};

/**
 * What is recorded and pruned on the source once the target is verified. None of it throws: the target is current,
 * whatever becomes of this. What could not be done goes into the story, and the next cycle does it.
 */
export class Settlement {
  readonly #situation: Situation;
  readonly #verified: Verified;
  #pruned: Promise<void> | undefined;

  constructor(situation: Situation, verified: Verified) {
    this.#situation = situation;
    this.#verified = verified;
  }

  /**
   * Prunes the snapshots, also while the target itself still prunes: the base of each has its bookmark, and the new one
   * is on both sides. The bookmarks stay. Where the target's session breaks off now, the older one tells the next
   * cycle what is still to be pruned there.
   */
  prune(): Promise<void> {
    const { zfs } = this.#situation;
    this.#pruned ??= this.#attempt(() => pruneSnapshots(zfs, this.#dataset, this.#pruning));
    return this.#pruned;
  }

  /** Does the rest, once the target's session has ended as it should. */
  async end(): Promise<void> {
    await this.prune();
    await this.#attempt(async () => {
      await confirmFirst(this.#situation, this.#verified);
      await recordPlace(this.#situation, this.#verified);
      return await pruneBookmarks(this.#situation.zfs, this.#dataset, this.#pruning);
    });
  }

  get isBegun(): boolean {
    return this.#pruned !== undefined;
  }

  /** Waits for what was begun. */
  async idle(): Promise<void> {
    await this.#pruned;
  }

  get #dataset(): DatasetName {
    return this.#situation.request.pair.source.dataset;
  }

  get #pruning(): SourcePruning {
    const { request, id } = this.#situation;
    return pruneSource({
      ...this.#verified,
      target: id,
      series: request.series,
      keep: request.keep,
    });
  }

  async #attempt(work: () => Promise<readonly Kept[]>): Promise<void> {
    const { story } = this.#situation;
    const left = await work().catch((error: unknown) => [
      {
        name: `the record on ${this.#dataset}`,
        reason: asZferryError(error).message,
        inUse: false,
      },
    ]);
    // What the target could not prune may have been told of meanwhile.
    story.kept = [...story.kept, ...left];
  }
}

/** Settles all of it at once. */
export const settle = (situation: Situation, verified: Verified): Promise<void> =>
  new Settlement(situation, verified).end();
