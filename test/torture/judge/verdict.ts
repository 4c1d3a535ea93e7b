import { setTimeout } from 'node:timers/promises';
import { src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import type { Entry } from '../entries.ts';
import { unequal } from './content.ts';
import { type Hands, missing, withoutBase, wronglyDestroyed } from './ledger.ts';
import { absent, leftovers } from './leftovers.ts';
import { type Datasets, type Look, look, type Pair, pairsOf } from './look.ts';
import { untrueLines } from './truth.ts';

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
    return [
      ...(before === undefined ? [] : wronglyDestroyed(before, now, this.hands)),
      ...missing(now, this.hands),
      ...withoutBase(now, this.hands).map(
        ({ source, replica }) => `${replica} and its source ${source} have no common base`,
      ),
      ...(before === undefined ? [] : untrueLines(before, now, this.hands)),
    ];
  }

  /** Holds and clones were taken away by hand since the last look: what they kept may go now. */
  released(): void {
    const last = this.#last;
    if (last === undefined) return;
    const free = (datasets: Datasets): Datasets =>
      new Map(
        [...datasets].map(([name, seen]) => [
          name,
          { ...seen, snapshots: seen.snapshots.map((item) => ({ ...item, inUse: false })) },
        ]),
      );
    this.#last = { ...last, sources: free(last.sources), replicas: free(last.replicas) };
  }

  /** How many partial receives of an entry the source can go on with, as zfs and the last look say. */
  async resumable(entry: Entry): Promise<number> {
    const last = this.#last;
    if (last === undefined) return 0;
    const answers: boolean[] = [];
    for (const pair of pairsOf(entry, last)) answers.push(await canGoOn(pair));
    return answers.filter(Boolean).length;
  }

  /** What was not as it should be after a healthy cycle of an entry. */
  async afterSuccess(entry: Entry): Promise<readonly string[]> {
    const problems = [...(await this.look())];
    const now = this.#last;
    if (now === undefined) return problems;
    const pairs = pairsOf(entry, now);
    return [
      ...problems,
      ...absent(entry, now),
      ...pairs.flatMap(({ replica, there }) => [
        ...(there.readonly ? [] : [`${replica} is not read-only`]),
        ...(there.mounted ? [`${replica} is mounted`] : []),
      ]),
      ...(await contentProblems(pairs)),
    ];
  }

  /** What the last look found left over, ordinary cycles of these entries having been the last that was done. */
  async leftovers(cycled: readonly Entry[]): Promise<readonly string[]> {
    // A session that has just ended may take a moment to go.
    for (let tries = 0; tries < 20 && this.#last?.processes.length !== 0; tries += 1) {
      await setTimeout(500);
      this.#last = await look();
    }
    return this.#last === undefined ? [] : leftovers(this.#last, cycled, this.hands);
  }
}

/** True where the target has a part of a snapshot that the source can send the rest of. */
const canGoOn = async ({ here, there }: Pair): Promise<boolean> => {
  if (there.token === undefined) return false;
  const { stdout, stderr, exitCode } = await src.run(sh`/usr/sbin/zfs send -nvP -t ${there.token}`);
  const number = (name: string): string | undefined => {
    const text = new RegExp(`\\b${name} = (0x[0-9a-f]+)`).exec(stdout + stderr)?.[1];
    return text === undefined ? undefined : BigInt(text).toString();
  };
  const base = number('fromguid');
  const fits = base === undefined || there.snapshots.some(({ guid }) => guid === base);
  return exitCode === 0 && fits && here.snapshots.some(({ guid }) => guid === number('toguid'));
};

/** Each target's newest snapshot of the series must hold what the source's of the same guid holds. */
const contentProblems = async (pairs: readonly Pair[]): Promise<readonly string[]> => {
  const twins = pairs.map(({ source, here, replica, there }) => {
    const own = new Map(here.snapshots.map((item) => [item.guid, item]));
    const newest = there.snapshots.findLast(({ guid }) => own.has(guid));
    const twin = own.get(newest?.guid ?? '');
    return newest === undefined || twin === undefined
      ? `${replica} has no snapshot of the source`
      : {
          here: `${source}@${twin.label}`,
          there: `${replica}@${newest.label}`,
          isVolume: here.isVolume,
        };
  });
  const different = await unequal(twins.filter((each) => typeof each !== 'string'));
  return [
    ...twins.filter((each) => typeof each === 'string'),
    ...different.map(({ here, there }) => `${there} holds something else than ${here}`),
  ];
};
