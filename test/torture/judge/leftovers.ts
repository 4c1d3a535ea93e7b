import type { Entry } from '../entries.ts';
import { type Hands, isOfTheSeries } from './ledger.ts';
import { allPairs, type Item, type Look, type Pair, pairsOf, type Seen } from './look.ts';

const surplus = (items: readonly Item[], most: number): readonly Item[] =>
  items.slice(0, Math.max(0, items.length - most));

/** A name from the future, of a clock that was wrong, takes no place among those that a policy keeps. */
const isOfTheFuture = ({ label }: Item): boolean => {
  const [time] = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/.exec(label) ?? [];
  return time !== undefined && new Date(time).getTime() > Date.now() + 60_000;
};

const leftOnTarget = ({ entry, replica, there }: Pair, hands: Hands): readonly string[] => {
  const own = there.snapshots.filter(
    (item) => isOfTheSeries(item) && !item.inUse && !hands.made.has('dst', item.guid),
  );
  return [
    ...(there.token === undefined ? [] : [`${replica} has a resume token`]),
    ...surplus(
      own.filter((item) => !isOfTheFuture(item)),
      entry.keeps,
    ).map(({ label }) => `${replica}@${label} is left`),
  ];
};

/** A snapshot of the series is wanted on the source where a target has it, or the newest few are kept. */
const leftOnSource = (
  source: string,
  seen: Seen,
  pairs: readonly Pair[],
  hands: Hands,
): readonly string[] => {
  const bases = new Set(pairs.flatMap(({ there }) => there.snapshots.at(-1)?.guid ?? []));
  const own = seen.snapshots.filter(
    (item) => isOfTheSeries(item) && !item.inUse && !hands.made.has('src', item.guid),
  );
  const keepsHere = Math.max(0, ...pairs.map(({ entry }) => entry.keepsHere));
  const kept = new Set(keepsHere === 0 ? [] : own.slice(-keepsHere - pairs.length));
  const bookmarks = seen.bookmarks.filter(({ guid }) => !hands.made.has('src', guid));
  return [
    ...own
      .filter((item) => !(bases.has(item.guid) || kept.has(item)))
      .map(({ label }) => `${source}@${label} is left`),
    ...surplus(bookmarks, pairs.length).map(({ label }) => `${source}#${label} is left`),
  ];
};

/** What should not be there any more, ordinary cycles of these entries having been the last that was done. */
export const leftovers = (now: Look, cycled: readonly Entry[], hands: Hands): readonly string[] => {
  const pairs = [...new Set(cycled)].flatMap((entry) => pairsOf(entry, now));
  const all = allPairs(now);
  const ofSources = new Map(pairs.map(({ source, here }) => [source, here]));
  const besides = [...now.replicas.keys()].filter((name) => /\.zferry_(new|old)(\/|$)/.test(name));
  return [
    ...now.processes.map((line) => `a process is left: ${line.slice(0, 120)}`),
    ...now.files.map((name) => `a file is left: /run/zferry/${name}`),
    ...besides.map((name) => `${name} is left`),
    ...pairs.flatMap((pair) => leftOnTarget(pair, hands)),
    ...[...ofSources].flatMap(([source, here]) =>
      leftOnSource(
        source,
        here,
        all.filter((pair) => pair.source === source),
        hands,
      ),
    ),
  ];
};

/** Datasets of an entry's source that a target has not, although a cycle of all of them was the last that was done. */
export const absent = (entry: Entry, now: Look): readonly string[] => {
  const names = [...now.sources.keys()].filter((name) =>
    entry.shape === 'tree' ? `${name}/`.startsWith(`${entry.source}/`) : name === entry.source,
  );
  return entry.targets.flatMap(({ dataset }) =>
    names
      .map((name) => `${dataset}${name.slice(entry.source.length)}`)
      .filter((name) => !now.replicas.has(name))
      .map((name) => `${name} is not there`),
  );
};
