import { entries } from '../entries.ts';
import { notCurrent, readLines, type Said } from './account.ts';
import type { Hands } from './ledger.ts';
import { type Look, type Pair, pairsOf } from './look.ts';

/** What a log line claims of a pair: the target has that snapshot. */
interface Claim {
  readonly pair: Pair;
  readonly label: string;
  readonly guid: string | undefined;
}

/** Of a target's lines the last one that says what it has; an earlier one's snapshot may be pruned again by a later. */
const claimsOfOne = (lines: readonly Said[], pairs: readonly Pair[]): readonly Claim[] => {
  const last = lines.findLast(({ result }) => result === 'replicated');
  if (last?.label === undefined) return [];
  const { label, guid } = last;
  return pairs.map((pair) => ({ pair, label, guid }));
};

/** A tree's line speaks of all members; one that says how many are not current, of all that have no line behind it. */
const claimsOfTree = (lines: readonly Said[], pairs: readonly Pair[]): readonly Claim[] => {
  const at = lines.findLastIndex(
    (line) => line.result === 'replicated' || notCurrent(line) !== undefined,
  );
  const root = lines[at];
  const label = root?.label;
  if (label === undefined) return [];
  const failed = new Set(
    lines
      .slice(at + 1)
      .filter(({ result }) => result === 'failed')
      .map(({ source }) => source),
  );
  return pairs
    .filter(({ source }) => !failed.has(source))
    .map((pair) => ({ pair, label, guid: undefined }));
};

/** True where the target has the snapshot with the source's guid, whatever somebody calls it by now. */
const isTrue = ({ pair, label, guid }: Claim, hands: Hands): boolean => {
  const { here, there } = pair;
  const known = new Set([...here.snapshots, ...here.bookmarks].map((item) => item.guid));
  const own = guid ?? here.snapshots.find((item) => item.label === label)?.guid;
  return there.snapshots.some(
    (item) =>
      item.guid === own ||
      (known.has(item.guid) &&
        (item.label === label ||
          hands.made.has('dst', item.guid) ||
          // A later run's, which took the place of the tree's
          hands.servedAlone.has(pair.source))),
  );
};

/** New lines that speak of success although the target does not have that snapshot with the source's guid. */
export const untrueLines = (before: Look, now: Look, hands: Hands): readonly string[] =>
  entries.flatMap((entry) => {
    const count = before.log.get(entry)?.length ?? 0;
    const lines = readLines(now.log.get(entry)?.slice(count) ?? []);
    // Of a dataset that was made or given up since then the line need not speak.
    const pairs = pairsOf(entry, now).filter(
      ({ source, here }) => before.sources.get(source)?.guid === here.guid,
    );
    const claims =
      entry.shape === 'tree'
        ? claimsOfTree(lines, pairs)
        : entry.targets.flatMap(({ place, dataset }) => {
            const own = lines.filter((line) => line.place === undefined || line.place === place);
            return claimsOfOne(
              own,
              pairs.filter(({ replica }) => replica === dataset),
            );
          });
    return claims
      .filter((claim) => !isTrue(claim, hands))
      .map(
        ({ pair, label }) =>
          `the log says that ${pair.source}@${label} was replicated to ${pair.replica}, and it was not`,
      );
  });
