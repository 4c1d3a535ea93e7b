import { allPairs, type Datasets, type Item, type Look, type Pair, type Seen } from './look.ts';

/** The names that zferry makes; written down here once more, because the judge believes nothing of zferry's. */
const madeByZferry = /^zferry_\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z(_\d+)?$/;

export const isOfTheSeries = ({ label }: Item): boolean => madeByZferry.test(label);

/** On which host: the same snapshot has the same guid on both. */
export type Side = 'src' | 'dst';

/** Snapshots, each on the host where somebody did something to it. */
export class Touched {
  readonly #keys = new Set<string>();

  add(side: Side, guid: string): void {
    this.#keys.add(`${side} ${guid}`);
  }

  has(side: Side, guid: string): boolean {
    return this.#keys.has(`${side} ${guid}`);
  }

  delete(side: Side, guid: string): void {
    this.#keys.delete(`${side} ${guid}`);
  }

  /** The guids on that host. */
  on(side: Side): readonly string[] {
    return [...this.#keys].filter((key) => key.startsWith(side)).map((key) => key.slice(4));
  }
}

/** Datasets, each with all below it. */
export class Realm {
  readonly #roots = new Set<string>();

  add(dataset: string): void {
    this.#roots.add(dataset);
  }

  covers(dataset: string): boolean {
    return [...this.#roots].some((root) => `${dataset}/`.startsWith(`${root}/`));
  }

  get isEmpty(): boolean {
    return this.#roots.size === 0;
  }

  clear(): void {
    this.#roots.clear();
  }
}

/**
 * What somebody's hands did: what they made is not zferry's to destroy, what they destroyed it did not.
 * Datasets are known by their guids, because they are renamed and made anew.
 */
export class Hands {
  readonly made = new Touched();
  readonly destroyed = new Touched();
  /** Datasets whose snapshots a person has given up, by a command or a flag that said so before it acted. */
  readonly givenUp = new Set<string>();
  /** Sources of which a fault has taken away what they had in common with a target. */
  readonly baseIsGone = new Realm();
  /** Targets of which a person gives up what is there, by a flag that says so before it acts. */
  readonly mayLose = new Realm();

  /** Members of the tree that a person replicated alone beside it: what a tree's line says of them may be replaced by now. */
  readonly servedAlone = new Set<string>();

  get hasExceptions(): boolean {
    return !(this.baseIsGone.isEmpty && this.mayLose.isEmpty);
  }

  /** Everything is in order again: the rules hold without exception. */
  settle(): void {
    this.baseIsGone.clear();
    this.mayLose.clear();
    this.servedAlone.clear();
  }
}

const newest = ({ snapshots }: Seen): Item | undefined => snapshots.at(-1);

/** What is wrong with the disappearance of a snapshot between two looks; undefined where it was right. */
const complaint = (item: Item, before: Seen, after: Seen, side: Side, hands: Hands) => {
  if (hands.destroyed.has(side, item.guid)) return undefined;
  if (hands.made.has(side, item.guid) || !isOfTheSeries(item)) return 'which is not of the series';
  if (item.inUse) return 'which was held or cloned';
  const isNewest = newest(before)?.guid === item.guid;
  const hasNewer = after.snapshots.some(({ createtxg }) => createtxg > item.createtxg);
  if (side === 'dst' && isNewest && !hasNewer) return 'which was the newest that the target had';
  return undefined;
};

const lost = (before: Seen, after: Seen): readonly Item[] => {
  const there = new Set(after.snapshots.map(({ guid }) => guid));
  return before.snapshots.filter(({ guid }) => !there.has(guid));
};

/** What stands beside a replica that is replaced is announced with it. */
const besides = /\.zferry_(new|old)(?=\/|$)/;

const wronglyDestroyedOn = (
  side: Side,
  before: Datasets,
  after: Datasets,
  hands: Hands,
): readonly string[] =>
  [...before].flatMap(([dataset, then]) => {
    const name = `${side}:${dataset}`;
    const now = after.get(dataset);
    const isAnnounced = side === 'dst' && hands.mayLose.covers(dataset.replace(besides, ''));
    if (hands.givenUp.has(then.guid) || isAnnounced) return [];
    // A dataset that was made by a first full send and given up has no snapshots to lose.
    if (now === undefined || now.guid !== then.guid) {
      return then.snapshots.length === 0 ? [] : [`${name} was destroyed or replaced`];
    }
    return lost(then, now).flatMap((item) => {
      const why = complaint(item, then, now, side, hands);
      return why === undefined ? [] : [`${name}@${item.label} was destroyed, ${why}`];
    });
  });

/** Rule 2: what of the snapshots that were there at the earlier look is gone although it is protected. */
export const wronglyDestroyed = (before: Look, after: Look, hands: Hands): readonly string[] => [
  ...wronglyDestroyedOn('src', before.sources, after.sources, hands),
  ...wronglyDestroyedOn('dst', before.replicas, after.replicas, hands),
];

/** What somebody made is nobody else's to destroy, also where it came and went between two looks. */
export const missing = (now: Look, hands: Hands): readonly string[] => {
  const seen: readonly [Side, Datasets][] = [
    ['src', now.sources],
    ['dst', now.replicas],
  ];
  return seen.flatMap(([side, datasets]) => {
    const there = new Set(
      [...datasets.values()].flatMap(({ snapshots }) => snapshots.map(({ guid }) => guid)),
    );
    const gone = hands.made
      .on(side)
      .filter((guid) => !(there.has(guid) || hands.destroyed.has(side, guid)));
    // Said once.
    for (const guid of gone) hands.made.delete(side, guid);
    if (side === 'dst' && hands.hasExceptions) return [];
    return gone.map((guid) => `what somebody made on ${side} was destroyed (guid ${guid})`);
  });
};

/** The newest that both sides have, as a snapshot or a bookmark of the source. */
export const commonBase = (source: Seen, target: Seen): string | undefined => {
  const here = new Set([...source.snapshots, ...source.bookmarks].map(({ guid }) => guid));
  return target.snapshots.findLast(({ guid }) => here.has(guid))?.guid;
};

/** Rule 1: pairs whose target has snapshots, and none in common with the source. */
export const withoutBase = (seen: Look, hands: Hands): readonly Pair[] =>
  allPairs(seen)
    .filter(({ source }) => !hands.baseIsGone.covers(source))
    .filter(({ there }) => there.snapshots.length > 0)
    .filter(({ here, there }) => commonBase(here, there) === undefined);
