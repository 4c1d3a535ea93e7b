import { usageError } from '../errors.ts';
import { shown } from '../zfs/names.ts';

/** How many of the newest snapshots, and how many hours, days, … with one snapshot each, are kept. */
export type RetentionPolicy = Readonly<Partial<Record<Period | 'last', number>>>;

type Period = (typeof periods)[number];

const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;

const isPeriod = (word: string): word is Period | 'last' =>
  word === 'last' || (periods as readonly string[]).includes(word);

/** Reads `last=2 hourly=24 daily=7 …`. Throws a usage error. */
export const parseRetentionPolicy = (text: string): RetentionPolicy => {
  const policy: Partial<Record<Period | 'last', number>> = {};
  const words = text.trim().split(/[\s,]+/);
  for (const entry of words) {
    const [word = '', count = '', ...rest] = entry.split('=');
    if (!isPeriod(word) || rest.length > 0 || !/^[1-9][0-9]{0,5}$/.test(count)) {
      throw usageError(
        `'${shown(entry)}' is no part of a retention policy`,
        `write words such as last=2 hourly=24; the words are last, ${periods.join(', ')}`,
      );
    }
    if (policy[word] !== undefined) throw usageError(`'${word}' stands twice in the policy`);
    policy[word] = Number(count);
  }
  return policy;
};

const day = 86_400_000;

/** Which hour, day, … of UTC a moment lies in. Weeks begin on Monday, as in ISO 8601. */
const slot = (time: Date, period: Period): number => {
  switch (period) {
    case 'hourly':
      return Math.floor(time.getTime() / 3_600_000);
    case 'daily':
      return Math.floor(time.getTime() / day);
    case 'weekly':
      // 1970-01-01 was a Thursday.
      return Math.floor((time.getTime() / day + 3) / 7);
    case 'monthly':
      return time.getUTCFullYear() * 12 + time.getUTCMonth();
    case 'yearly':
      return time.getUTCFullYear();
  }
};

/** Something with a moment in time; the order of the list is that of creation. */
interface Dated {
  readonly time: Date;
}

/**
 * Those that a policy keeps, out of a list from oldest to newest: the newest always, `last` of the newest,
 * and of each of the newest N hours (days, …) that have any, the oldest. Keeping the oldest of a slot makes
 * the answer stable: what was kept once is still the slot's representative when newer ones come.
 */
export const retained = <T extends Dated>(
  oldestFirst: readonly T[],
  policy: RetentionPolicy,
): ReadonlySet<T> => {
  const kept = new Set(oldestFirst.slice(-(policy.last ?? 1)));
  for (const period of periods) {
    const first = new Map<number, T>();
    for (const item of oldestFirst) {
      const key = slot(item.time, period);
      if (!first.has(key)) first.set(key, item);
    }
    const newestSlots = [...first.entries()].toSorted(([a], [b]) => b - a);
    for (const [, item] of newestSlots.slice(0, policy[period] ?? 0)) kept.add(item);
  }
  return kept;
};
