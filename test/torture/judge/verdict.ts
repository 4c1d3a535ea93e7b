import { src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { KEPT_HERE, main, SOURCE, type Target } from '../pairs.ts';
import { isEqual } from './content.ts';
import { type Hands, isOfTheSeries, missing, withoutBase, wronglyDestroyed } from './ledger.ts';
import { type Item, type Look, look, type Seen } from './look.ts';

/** Watches both hosts; every complaint is a violation of what always holds. */
export class Judge {
  readonly hands: Hands;
  #last: Look | undefined;

  constructor(hands: Hands) {
    this.hands = hands;
  }

  /** Looks, and compares with the look before. */
  async look(): Promise<readonly string[]> {
    const before = this.#last;
    const now = await look();
    this.#last = now;
    const bare = this.hands.baseIsGone ? [] : withoutBase(now);
    return [
      ...(before === undefined ? [] : wronglyDestroyed(before, now, this.hands)),
      ...missing(now, this.hands),
      ...bare.map(({ dataset }) => `${dataset} and the source have no common base`),
      ...(before === undefined ? [] : untrueLines(before, now)),
    ];
  }

  /** Holds and clones were taken away by hand since the last look: what they kept may go now. */
  released(): void {
    const last = this.#last;
    if (last === undefined) return;
    const free = (seen: Seen): Seen => ({
      ...seen,
      snapshots: seen.snapshots.map((item) => ({ ...item, inUse: false })),
    });
    const seen = [...last.targets].map(([target, each]) => [target, free(each)] as const);
    this.#last = { ...last, source: free(last.source), targets: new Map(seen) };
  }

  /** The token of a partial receive that the source can go on with, as zfs and the last look say. */
  async resumable(target: Target): Promise<string | undefined> {
    const there = this.#last?.targets.get(target);
    const token = there?.token;
    if (token === undefined) return undefined;
    const { stdout, stderr, exitCode } = await src.run(sh`/usr/sbin/zfs send -nvP -t ${token}`);
    const number = (name: string): string | undefined => {
      const text = new RegExp(`\\b${name} = (0x[0-9a-f]+)`).exec(stdout + stderr)?.[1];
      return text === undefined ? undefined : BigInt(text).toString();
    };
    const here = this.#last?.source.snapshots.map(({ guid }) => guid) ?? [];
    const base = number('fromguid');
    const fits = base === undefined || there?.snapshots.some(({ guid }) => guid === base);
    return exitCode === 0 && fits && here.includes(number('toguid') ?? '') ? token : undefined;
  }

  /** What was not as it should be after a healthy cycle of a target. */
  async afterSuccess(target: Target): Promise<readonly string[]> {
    const problems = [...(await this.look())];
    const now = this.#last;
    const there = now?.targets.get(target);
    if (now === undefined || there === undefined) return [...problems, 'the target is not there'];
    if (!there.readonly) problems.push('the target is not read-only');
    if (there.mounted) problems.push('the target is mounted');
    return [...problems, ...(await contentProblems(now.source, there, target))];
  }

  /** What the last look found left over, ordinary cycles of these targets having been the last that was done. */
  leftovers(cycled: readonly Target[]): readonly string[] {
    const now = this.#last;
    if (now === undefined) return [];
    return [
      ...now.processes.map((line) => `a process is left: ${line.slice(0, 120)}`),
      ...now.files.map((name) => `a file is left: /run/zferry/${name}`),
      ...cycled.flatMap((target) => leftOnTarget(now, target, this.hands)),
      ...leftOnSource(now, cycled, this.hands),
    ];
  }
}

/** The target's newest snapshot of the series must hold what the source's of the same guid holds. */
const contentProblems = async (
  source: Seen,
  there: Seen,
  { dataset }: Target,
): Promise<readonly string[]> => {
  const here = new Map(source.snapshots.map((item) => [item.guid, item]));
  const newest = there.snapshots.findLast(({ guid }) => here.has(guid));
  const twin = here.get(newest?.guid ?? '');
  if (newest === undefined || twin === undefined)
    return ['the target has no snapshot of the source'];
  const equal = await isEqual(`${SOURCE}@${twin.label}`, `${dataset}@${newest.label}`);
  return equal ? [] : [`@${newest.label} has other files on the target than on the source`];
};

/** New lines that speak of success although the target does not have that snapshot with the source's guid. */
const untrueLines = (before: Look, now: Look): readonly string[] =>
  [...now.log].flatMap(([target, lines]) => {
    const fresh = lines.slice(before.log.get(target)?.length ?? 0);
    const successes = fresh.flatMap(
      (line) => / \S+@(\S+) replicated to \S+ successfully\./.exec(line)?.[1] ?? [],
    );
    // An earlier one of several may be pruned again by the later; the last one must be there.
    const label = successes.at(-1);
    if (label === undefined) return [];
    const there = now.targets.get(target)?.snapshots.find((item) => item.label === label);
    const known = [...now.source.snapshots, ...now.source.bookmarks].map(({ guid }) => guid);
    return there !== undefined && known.includes(there.guid)
      ? []
      : [`the log says that @${label} was replicated to ${target.dataset}, and it was not`];
  });

const surplus = (items: readonly Item[], most: number): readonly Item[] =>
  items.slice(0, Math.max(0, items.length - most));

/** A name from the future, of a clock that was wrong, takes no place among those that a policy keeps. */
const isOfTheFuture = ({ label }: Item): boolean => {
  const [time] = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/.exec(label) ?? [];
  return time !== undefined && new Date(time).getTime() > Date.now() + 60_000;
};

const leftOnTarget = ({ targets }: Look, target: Target, hands: Hands): readonly string[] => {
  const seen = targets.get(target);
  if (seen === undefined) return [];
  const own = seen.snapshots.filter(
    (item) => isOfTheSeries(item) && !item.inUse && !hands.made.has('dst', item.guid),
  );
  return [
    ...(seen.token === undefined ? [] : [`${target.dataset} has a resume token`]),
    ...surplus(
      own.filter((item) => !isOfTheFuture(item)),
      target.keeps,
    ).map(({ label }) => `${target.dataset}@${label} is left`),
  ];
};

/** A snapshot of the series is wanted on the source where a target has it, or the newest few are kept. */
const leftOnSource = (
  { source, targets }: Look,
  cycled: readonly Target[],
  hands: Hands,
): readonly string[] => {
  const bases = new Set(
    [...targets.values()].flatMap(({ snapshots }) => snapshots.at(-1)?.guid ?? []),
  );
  const own = source.snapshots.filter(
    (item) => isOfTheSeries(item) && !item.inUse && !hands.made.has('src', item.guid),
  );
  const kept = new Set(cycled.includes(main) ? own.slice(-KEPT_HERE - targets.size) : []);
  const bookmarks = source.bookmarks.filter(({ guid }) => !hands.made.has('src', guid));
  return [
    ...own
      .filter((item) => !(bases.has(item.guid) || kept.has(item)))
      .map(({ label }) => `${SOURCE}@${label} is left`),
    ...surplus(bookmarks, targets.size).map(({ label }) => `${SOURCE}#${label} is left`),
  ];
};
