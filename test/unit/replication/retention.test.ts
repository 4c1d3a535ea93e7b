import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseRetentionPolicy,
  type RetentionPolicy,
  retained,
} from '../../../src/replication/retention.ts';
import { hostileText, many, some } from '../support/arbitraries.ts';
import { attempt, refused } from '../support/refused.ts';

interface Item {
  readonly time: Date;
}

const hour = 3_600_000;
const day = 24 * hour;

const count = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });
const policy: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    last: count,
    hourly: count,
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
  })
  .map((counts) => Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== undefined)));

/** Moments in order, minutes to months apart, as cycles that are missed now and then make them. */
const history = fc
  .tuple(
    fc.integer({ min: 0, max: 2_000_000_000 }),
    fc.array(fc.oneof(fc.integer({ min: 1, max: 4_000 }), fc.integer({ min: 1, max: 3_000_000 })), {
      maxLength: 80,
      size: 'max',
    }),
  )
  .map(([start, gaps]): Item[] => {
    let seconds = start;
    return gaps.map((gap) => {
      seconds += gap;
      return { time: new Date(seconds * 1_000) };
    });
  });

/** A clock that somebody sets back and forth: the order of creation is not that of the times. */
const disorder = fc
  .array(fc.integer({ min: 0, max: 400_000_000 }), { maxLength: 40 })
  .map((times): Item[] => times.map((seconds) => ({ time: new Date(seconds * 1_000) })));

const pruned = (items: readonly Item[], keeping: RetentionPolicy): readonly Item[] => {
  const kept = retained(items, keeping);
  return items.filter((item) => kept.has(item));
};

const iso = (items: readonly Item[]): string[] => items.map(({ time }) => time.toISOString());

describe('a retention policy', () => {
  test('always keeps the newest, whatever the clock did', () => {
    fc.assert(
      fc.property(fc.oneof(history, disorder), policy, (items, keeping) => {
        const newest = items.at(-1);
        fc.pre(newest !== undefined);
        if (newest !== undefined) expect(retained(items, keeping).has(newest)).toBe(true);
      }),
      some,
    );
  });

  test('keeps the newest even when it says nothing', () => {
    const items = [{ time: new Date(0) }, { time: new Date(1) }];
    expect(pruned(items, {})).toEqual(items.slice(1));
    expect(pruned([], {})).toEqual([]);
  });

  test('keeps nothing that was not there, and no more than its numbers say', () => {
    fc.assert(
      fc.property(fc.oneof(history, disorder), policy, (items, keeping) => {
        const kept = retained(items, keeping);
        const most = { last: 1, ...keeping };
        expect(kept.size).toBeLessThanOrEqual(Object.values(most).reduce((a, b) => a + b));
        for (const item of kept) expect(items).toContain(item);
      }),
      some,
    );
  });

  test('keeps as many of the newest as last says', () => {
    fc.assert(
      fc.property(history, policy, (items, keeping) => {
        const kept = retained(items, keeping);
        for (const item of items.slice(-(keeping.last ?? 1))) expect(kept.has(item)).toBe(true);
      }),
      some,
    );
  });

  test('changes nothing when it is applied a second time', () => {
    fc.assert(
      fc.property(fc.oneof(history, disorder), policy, (items, keeping) => {
        const once = pruned(items, keeping);
        expect(pruned(once, keeping)).toEqual(once);
      }),
      some,
    );
  });

  test('gives up no more when it asks for more', () => {
    fc.assert(
      fc.property(history, policy, (items, keeping) => {
        const more = Object.fromEntries(Object.entries(keeping).map(([word, n]) => [word, n + 1]));
        const kept = retained(items, { last: 2, ...more });
        for (const item of retained(items, keeping)) expect(kept.has(item)).toBe(true);
      }),
      some,
    );
  });

  test('comes to the same whether every cycle pruned or only some of them did', () => {
    fc.assert(
      fc.property(history, policy, fc.infiniteStream(fc.boolean()), (items, keeping, prunes) => {
        let left: readonly Item[] = [];
        for (const item of items) {
          left = [...left, item];
          if (prunes.next().value) left = pruned(left, keeping);
        }
        expect(iso(pruned(left, keeping))).toEqual(iso(pruned(items, keeping)));
      }),
      some,
    );
  });

  test('over four years of hourly cycles keeps the first of each of the newest slots', () => {
    const keeping = parseRetentionPolicy('last=2 hourly=24 daily=7 weekly=4 monthly=12 yearly=3');
    const start = Date.UTC(2022, 0, 1);
    const cycles = Math.floor((Date.UTC(2026, 0, 1) - start) / hour);
    let left: readonly Item[] = [];
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      left = pruned([...left, { time: new Date(start + cycle * hour + 300_000) }], keeping);
    }
    expect(iso(left)).toEqual(
      [
        '2023-01-01T00:05:00.000Z',
        '2024-01-01T00:05:00.000Z',
        ...Array.from({ length: 11 }, (_, month) =>
          new Date(Date.UTC(2025, month, 1, 0, 5)).toISOString(),
        ),
        '2025-12-01T00:05:00.000Z',
        ...['2025-12-08', '2025-12-15', '2025-12-22'].map((date) => `${date}T00:05:00.000Z`),
        ...['25', '26', '27', '28', '29', '30'].map((date) => `2025-12-${date}T00:05:00.000Z`),
        ...Array.from({ length: 24 }, (_, n) =>
          new Date(Date.UTC(2025, 11, 31, n, 5)).toISOString(),
        ),
      ].filter((time) => time !== '2025-12-08T00:05:00.000Z' || keeping.weekly === 4),
    );
  });

  test.each([
    ['hourly', '2026-11-20T08:59:59Z', '2026-11-20T09:00:00Z'],
    ['daily', '2026-11-20T23:59:59Z', '2026-11-21T00:00:00Z'],
    ['weekly', '2026-11-22T23:59:59Z', '2026-11-23T00:00:00Z'],
    ['monthly', '2026-11-30T23:59:59Z', '2026-12-01T00:00:00Z'],
    ['yearly', '2026-12-31T23:59:59Z', '2027-01-01T00:00:00Z'],
  ])('begins a new slot of %s between %s and %s', (word, before, after) => {
    const keeping = parseRetentionPolicy(`${word}=2`);
    const at = (text: string, later = 0) => ({ time: new Date(Date.parse(text) + later) });
    const items = [at(before, -2_000), at(before), at(after), at(after, 2_000), at(after, 3_000)];
    expect(pruned(items, keeping)).toEqual([items[0], items[2], items[4]]);
  });

  test('counts only slots that have something, so that an outage costs no history', () => {
    const keeping = parseRetentionPolicy('daily=3');
    const days = [0, 1, 2, 300, 301].map((n) => ({ time: new Date(n * day) }));
    expect(pruned(days, keeping)).toEqual(days.slice(2));
  });
});

describe('the text of a policy', () => {
  test('is read word by word, in any order', () => {
    expect(parseRetentionPolicy(' daily=7,last=2  monthly=12 ')).toEqual({
      daily: 7,
      last: 2,
      monthly: 12,
    });
  });

  test.each(['', ' ', 'last', 'last=', 'last=0', 'last=-1', 'last=1.5', 'last=1=2', 'minutely=3'])(
    '%j is refused',
    (text) => {
      expect(refused(() => parseRetentionPolicy(text)).hint).toContain('last=2 hourly=24');
    },
  );

  test.each(['constructor=3', '__proto__=3', 'last=1000000', 'last=1 last=2', 'LAST=1'])(
    '%j is refused too',
    (text) => {
      refused(() => parseRetentionPolicy(text));
    },
  );

  test('is a policy with numbers above 0 only, or refused in one line', () => {
    const word = fc.constantFrom('last', 'daily', 'hourly', '=', '=1', '=0', ' ', ',', '99');
    const text = fc.array(fc.oneof(word, hostileText(4))).map((words) => words.join(''));
    fc.assert(
      fc.property(text, (typed) => {
        const result = attempt(() => parseRetentionPolicy(typed));
        if ('value' in result) {
          expect(Object.keys(result.value)).not.toEqual([]);
          for (const n of Object.values(result.value)) expect(n).toBeGreaterThan(0);
        }
      }),
      many,
    );
  });
});
