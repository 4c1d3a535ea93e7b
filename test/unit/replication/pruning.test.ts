import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AbandonedQuestion,
  abandoned,
  isTidyAfter,
  type PruningQuestion,
  pruneReplaced,
  pruneSource,
  pruneTarget,
  type TargetPruningQuestion,
} from '../../../src/replication/pruning.ts';
import { parseNameFormat } from '../../../src/replication/series.ts';
import type { TargetId } from '../../../src/replication/target-id.ts';
import type { Bookmark, Snapshot } from '../../../src/zfs/listing.ts';
import { parseGuid } from '../../../src/zfs/names.ts';
import { many, oneIn } from '../support/arbitraries.ts';
import { bookmark, listing, series, snapshot } from '../support/pair.ts';

const mine = 'aaaaaaaaaa' as TargetId;
const others = ['bbbbbbbbbb', 'cccccccccc'] as TargetId[];
const script = parseNameFormat('%Y-%m-%d %H:%M:%S');

const ages = (items: readonly { createtxg: number }[]): number[] =>
  items.map(({ createtxg }) => createtxg);

const ask = (changes: Partial<PruningQuestion>) =>
  pruneSource({
    source: listing([]),
    target: mine,
    series,
    sent: snapshot(90),
    replaced: undefined,
    keep: undefined,
    ...changes,
  });

/** The name of a target's bookmark of that age. */
const marked = (age: number, target: TargetId = mine, priming = false): Bookmark =>
  bookmark(age, `zferry_${target}_${age}${priming ? '_priming' : ''}`);

describe('on the source a healthy cycle', () => {
  test('gives up the base that it replaced, and its bookmark', () => {
    const source = listing(
      [snapshot(10, undefined, mine), snapshot(20, undefined, mine)],
      [marked(10), marked(20)],
    );
    const pruning = ask({ source, sent: snapshot(20), replaced: parseGuid('10') });
    expect(ages(pruning.snapshots)).toEqual([10]);
    expect(ages(pruning.bookmarks)).toEqual([10]);
  });

  test('keeps a base that is not of the series', () => {
    const source = listing([snapshot(10, 'mine'), snapshot(20)], [marked(20)]);
    expect(ask({ source, sent: snapshot(20), replaced: parseGuid('10') }).snapshots).toEqual([]);
  });

  test('keeps all of a history when no option says otherwise', () => {
    const history = [1, 2, 3, 4, 5].map((age) => snapshot(age));
    const source = listing([...history, snapshot(10), snapshot(20)]);
    const pruning = ask({ source, sent: snapshot(20), replaced: parseGuid('10') });
    expect(ages(pruning.snapshots)).toEqual([10]);
  });

  test('takes away what cycles left that were cut short', () => {
    const source = listing(
      [10, 11, 12, 20].map((age) => snapshot(age, undefined, mine)),
      [marked(10), marked(12), marked(20)],
    );
    const pruning = ask({ source, sent: snapshot(20), replaced: parseGuid('10') });
    expect(ages(pruning.snapshots).toSorted()).toEqual([10, 11, 12]);
    expect(ages(pruning.bookmarks)).toEqual([10, 12]);
  });

  test('takes a history for no leftovers when no bookmark tells what the target had', () => {
    const source = listing([1, 2, 3, 20].map((age) => snapshot(age, undefined, mine)));
    const properties = ['large-blocks', 'backup'] as const;
    expect(ask({ source: { ...source, properties }, sent: snapshot(20) }).snapshots).toEqual([]);
  });

  test('takes away what a first send left that was cut short before it was verified', () => {
    const listed = listing([10, 20].map((age) => snapshot(age, undefined, mine)));
    const source = { ...listed, properties: ['large-blocks', undefined] as const };
    expect(ages(ask({ source, sent: snapshot(20) }).snapshots)).toEqual([10]);
  });

  test('leaves alone what was left and then renamed by somebody who wants it', () => {
    const source = listing(
      [snapshot(11, 'keep-this', mine), snapshot(20, undefined, mine)],
      [marked(10), marked(20)],
    );
    expect(ask({ source, sent: snapshot(20) }).snapshots).toEqual([]);
  });

  test('leaves what another target is still being sent', () => {
    const [other = mine] = others;
    const source = listing(
      [5, 10, 20].map((age) => snapshot(age)),
      [marked(5, other), marked(10, other), marked(10), marked(20)],
    );
    const pruning = ask({ source, sent: snapshot(20), replaced: parseGuid('10'), keep: 1 });
    expect(ages(pruning.snapshots)).not.toContain(10);
  });

  test('frees the snapshot that an absent target has verified: its bookmark serves as the base', () => {
    const [other = mine] = others;
    const source = listing(
      [snapshot(5, undefined, other), snapshot(20, undefined, mine)],
      [marked(5, other), marked(20)],
    );
    expect(ages(ask({ source, sent: snapshot(20), keep: 1 }).snapshots)).toEqual([5]);
  });

  test('leaves the snapshot of a first send to another target that is not verified', () => {
    const [other = mine] = others;
    const source = listing(
      [snapshot(5, undefined, other), snapshot(20, undefined, mine)],
      [marked(5, other, true), marked(20)],
    );
    expect(ask({ source, sent: snapshot(20), keep: 1 }).snapshots).toEqual([]);
  });

  test('leaves the snapshot that another run has made and not yet bookmarked', () => {
    const [other = mine] = others;
    const source = listing(
      [snapshot(15, undefined, other), snapshot(20, undefined, mine)],
      [marked(5, other), marked(20)],
    );
    expect(ask({ source, sent: snapshot(20), keep: 1 }).snapshots).toEqual([]);
  });

  test('keeps the newest of the series that --keep asks for, the one that is sent among them', () => {
    const source = listing(
      [1, 2, 3, 4, 20].map((age) => snapshot(age, undefined, mine)),
      [marked(4)],
    );
    const pruning = ask({ source, sent: snapshot(20), replaced: parseGuid('4'), keep: 3 });
    expect(ages(pruning.snapshots)).toEqual([1, 2]);
  });

  test('with a format that owns no names gives up the replaced base alone, whatever --keep says', () => {
    const names = ['2026-11-20 08:00:00', '2026-11-20 08:05:00', '2026-11-20 08:10:00'];
    const [oldest = snapshot(1), base = oldest, sent = base] = names.map((name, index) =>
      snapshot(index + 1, name),
    );
    const source = listing([oldest, base, sent]);
    const pruning = ask({ source, series: script, sent, replaced: base.guid, keep: 1 });
    expect(pruning.snapshots).toEqual([base]);
  });
});

/** Sources as nobody should have them: any names, marks and bookmarks, snapshots gone behind bookmarks. */
const question: fc.Arbitrary<PruningQuestion> = fc
  .record({
    snapshots: fc.uniqueArray(
      fc.record({
        age: fc.integer({ min: 1, max: 40 }),
        name: fc.constantFrom('series', 'series', 'series', 'foreign', 'script'),
        mark: fc.constantFrom(undefined, mine, mine, ...others, 'superseded' as const),
      }),
      { selector: ({ age }) => age, minLength: 1, maxLength: 15 },
    ),
    bookmarks: fc.array(
      fc.record({
        age: fc.integer({ min: 1, max: 40 }),
        target: fc.constantFrom(undefined, mine, ...others),
        priming: fc.boolean(),
      }),
      { maxLength: 10 },
    ),
    sentAt: fc.nat(14),
    replaced: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
    keep: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    format: fc.constantFrom(series, series, script),
  })
  .map(({ snapshots, bookmarks, sentAt, replaced, keep, format }) => {
    const named = snapshots.map(({ age, name, mark }) => {
      const names = {
        series: undefined,
        foreign: `foreign-${age}`,
        script: script.label(new Date(age * 1_000), 1),
      };
      return snapshot(age, names[name as keyof typeof names], mark);
    });
    const source = listing(
      named,
      bookmarks.map(({ age, target, priming }) =>
        target === undefined ? bookmark(age, `mine-${age}`) : marked(age, target, priming),
      ),
    );
    const sent = named[sentAt % named.length] ?? snapshot(1);
    return {
      source,
      target: mine,
      series: format,
      sent,
      replaced: replaced === undefined ? undefined : parseGuid(String(replaced)),
      keep,
    };
  });

/** Bookmarks of a target, oldest first, by the names that the tests give them. */
const bookmarksOf = ({ source }: PruningQuestion, target: TargetId): Bookmark[] =>
  source.bookmarks.filter(({ label }) => label.includes(target));

const always = (check: (asked: PruningQuestion, gone: readonly Snapshot[]) => void) =>
  fc.assert(
    fc.property(question, (asked) => {
      check(asked, pruneSource(asked).snapshots);
    }),
    oneIn(2),
  );

/** The same where a cycle before left its base behind and nothing else to be done, as {@link pruneReplaced} wants it. */
const orderly = question
  .filter(({ sent }) => sent.createtxg > 1)
  .map((asked): PruningQuestion & { readonly base: Snapshot | undefined } => {
    const { source, sent } = asked;
    const age = sent.createtxg - 1;
    const snapshots = source.snapshots.map((each) =>
      each.mark === mine || each.mark === 'superseded' ? { ...each, mark: undefined } : each,
    );
    const bookmarks = source.bookmarks.filter(({ label }) => !label.includes(mine));
    const own = [marked(age), marked(sent.createtxg)];
    return {
      ...asked,
      source: listing(snapshots, [...bookmarks, ...own]),
      sent: snapshots.find(({ guid }) => guid === sent.guid) ?? sent,
      replaced: marked(age).guid,
      keep: undefined,
      base: snapshots.find(({ guid }) => guid === marked(age).guid),
    };
  });

describe('on a source whose snapshots were not listed', () => {
  test('pruning takes what it would have taken with the listing', () => {
    let taken = 0;
    fc.assert(
      fc.property(orderly, (asked) => {
        const { source, base, target, series: format, sent } = asked;
        const { bookmarks } = source;
        const pruning = pruneReplaced({
          source: { bookmarks },
          target,
          series: format,
          sent,
          base,
        });
        expect(pruning).toEqual(pruneSource(asked));
        taken += pruning.snapshots.length;
      }),
      many,
    );
    expect(taken).toBeGreaterThan(0);
  });

  test('leaves nothing to be done where all that was superseded has gone', () => {
    const left = snapshot(10, undefined, 'superseded');
    const foreign = snapshot(11, 'foreign', 'superseded');
    expect(isTidyAfter([left, foreign, snapshot(20)], [left], series)).toBe(true);
    expect(isTidyAfter([left, foreign, snapshot(20)], [], series)).toBe(false);
  });
});

describe('on the source, whatever is there, pruning', () => {
  test('never takes the snapshot that was sent, nor anything newer', () => {
    always(({ sent }, gone) => {
      for (const { createtxg } of gone) expect(createtxg).toBeLessThan(sent.createtxg);
    });
  });

  test('never takes a snapshot outside the series', () => {
    always(({ series: format }, gone) => {
      for (const { label } of gone) expect(format.timeOf(label)).toBeDefined();
    });
  });

  test('never takes what is not there, nor anything twice', () => {
    always(({ source }, gone) => {
      for (const each of gone) expect(source.snapshots).toContain(each);
      expect(new Set(gone).size).toBe(gone.length);
    });
  });

  test("never takes what another target's pending bookmark stands for", () => {
    always((asked, gone) => {
      for (const other of others) {
        const [first, ...pending] = bookmarksOf(asked, other);
        if (first?.label.endsWith('_priming')) pending.push(first);
        for (const { guid } of pending) expect(gone.map((each) => each.guid)).not.toContain(guid);
      }
    });
  });

  test('leaves every target a snapshot or a bookmark of what it has', () => {
    fc.assert(
      fc.property(question, (asked) => {
        const { source, sent } = asked;
        const gone = pruneSource(asked);
        const left = [...source.snapshots, ...source.bookmarks]
          .filter((each) => ![...gone.snapshots, ...gone.bookmarks].includes(each as Snapshot))
          .map(({ guid }) => guid);
        expect(left).toContain(sent.guid);
        for (const other of others) {
          for (const { guid } of bookmarksOf(asked, other)) expect(left).toContain(guid);
        }
      }),
      oneIn(2),
    );
  });

  test("never takes what another target's run has just made", () => {
    always((asked, gone) => {
      for (const { mark, guid, createtxg } of gone) {
        const newest = others.includes(mark as TargetId)
          ? bookmarksOf(asked, mark as TargetId).at(-1)
          : undefined;
        // Where somebody has bookmarked it, several targets share it, and those that use it have done so.
        const isShared = asked.source.bookmarks.some(
          (each) => each.guid === guid && each.label.startsWith('zferry_'),
        );
        if (newest === undefined || isShared) continue;
        expect(createtxg).toBeLessThanOrEqual(newest.createtxg);
      }
    });
  });

  test("takes of the bookmarks only this target's, and never the one of the sent snapshot", () => {
    fc.assert(
      fc.property(question, (asked) => {
        for (const { label, guid } of pruneSource(asked).bookmarks) {
          expect(label.startsWith(`zferry_${mine}_`)).toBe(true);
          expect(guid).not.toBe(asked.sent.guid);
        }
      }),
      oneIn(2),
    );
  });

  test('takes without --keep nothing but replaced bases and leftovers of this target', () => {
    always((asked, gone) => {
      if (asked.keep !== undefined && asked.series.ownsItsNames) return;
      const bases = new Set([asked.replaced, ...bookmarksOf(asked, mine).map(({ guid }) => guid)]);
      for (const { guid, mark } of gone) {
        expect(bases.has(guid) || mark === mine || mark === 'superseded').toBe(true);
      }
    });
  });

  test('takes with --keep N none of the newest N but leftovers of this target', () => {
    always((asked, gone) => {
      const { keep, source, sent } = asked;
      if (keep === undefined || !asked.series.ownsItsNames) return;
      const own = source.snapshots.filter(
        ({ label, createtxg, mark }) =>
          asked.series.timeOf(label) !== undefined &&
          createtxg <= sent.createtxg &&
          mark !== undefined,
      );
      const newest = new Set(own.slice(-keep));
      for (const each of gone) expect(!newest.has(each) || each.mark === mine).toBe(true);
    });
  });

  test('finds nothing more to take once it is done and recorded', () => {
    fc.assert(
      fc.property(question, (asked) => {
        const { source, sent } = asked;
        const first = pruneSource(asked);
        const left = listing(
          source.snapshots.filter((each) => !first.snapshots.includes(each)),
          [
            ...source.bookmarks.filter((each) => !first.bookmarks.includes(each)),
            marked(sent.createtxg),
          ],
        );
        const again = pruneSource({ ...asked, source: left });
        expect(again).toMatchObject({ snapshots: [], bookmarks: [] });
      }),
      oneIn(4),
    );
  });
});

const now = new Date(1_000_000_000_000);

const askTarget = (changes: Partial<TargetPruningQuestion>) =>
  pruneTarget({
    snapshots: [],
    series,
    sent: snapshot(90),
    replaced: new Set(),
    policy: undefined,
    now,
    ...changes,
  });

describe('on the target a cycle', () => {
  test('gives up the base that it replaced, once', () => {
    const snapshots = [snapshot(10), snapshot(20)];
    expect(ages(askTarget({ snapshots, replaced: new Set([parseGuid('20')]) }))).toEqual([20]);
  });

  test('keeps a replaced base that is not of the series', () => {
    const snapshots = [snapshot(10, 'mine')];
    expect(askTarget({ snapshots, replaced: new Set([parseGuid('10')]) })).toEqual([]);
  });

  test('gives up by policy what that does not keep, the new one counted in', () => {
    const snapshots = [10, 20, 30].map((age) => snapshot(age));
    expect(ages(askTarget({ snapshots, policy: { last: 2 } }))).toEqual([10, 20]);
  });

  test('never gives up by policy what a target further on was sent from there', () => {
    const snapshots = [snapshot(10, undefined, mine), snapshot(20)];
    expect(ages(askTarget({ snapshots, policy: { last: 1 } }))).toEqual([20]);
  });

  test('does not let a name from the future take the place of a real hour', () => {
    const future = { ...snapshot(50), label: series.label(new Date(now.getTime() + 1_000), 1) };
    const pruned = askTarget({ snapshots: [snapshot(10), future], policy: { last: 1, hourly: 1 } });
    expect(pruned).toEqual([]);
  });

  test('takes no more in one go than fits into a command line', () => {
    const snapshots = Array.from({ length: 1_000 }, (_, age) => snapshot(age + 1));
    const pruned = askTarget({ snapshots, sent: snapshot(2_000), policy: { last: 1 } });
    expect(ages(pruned)).toEqual(Array.from({ length: 200 }, (_, age) => age + 1));
  });
});

describe('on the target, whatever is there, pruning', () => {
  const targetQuestion = fc
    .record({ asked: question, policy: fc.constantFrom(undefined, { last: 1 }, { hourly: 2 }) })
    .map(
      ({ asked, policy }): TargetPruningQuestion => ({
        snapshots: asked.source.snapshots,
        series: asked.series,
        sent: asked.sent,
        replaced: new Set(asked.replaced === undefined ? [] : [asked.replaced]),
        policy,
        now,
      }),
    );

  test('never takes the new snapshot, anything outside the series, or what is not there', () => {
    fc.assert(
      fc.property(targetQuestion, (asked) => {
        for (const each of pruneTarget(asked)) {
          expect(each.guid).not.toBe(asked.sent.guid);
          expect(asked.series.timeOf(each.label)).toBeDefined();
          expect(asked.snapshots).toContain(each);
        }
      }),
      many,
    );
  });

  test('takes without a policy, or with names that are not its own, only what was replaced', () => {
    fc.assert(
      fc.property(targetQuestion, (asked) => {
        if (asked.policy !== undefined && asked.series.ownsItsNames) return;
        for (const { guid, mark } of pruneTarget(asked)) {
          expect(asked.replaced.has(guid) || mark === 'superseded').toBe(true);
        }
      }),
      many,
    );
  });
});

describe('what was made for a target and never arrived', () => {
  /** Verified at 10, cut off at 20 and 30; 90 is about to be sent. */
  const source = listing(
    [10, 20, 30, 90].map((age) => snapshot(age, undefined, mine)),
    [10, 20, 30, 90].map((age) => marked(age)),
  );
  const given = (changes: Partial<AbandonedQuestion> = {}) =>
    abandoned({
      ...{ source, target: mine, series, sent: snapshot(90), keep: undefined },
      ...{ base: snapshot(10).guid, there: new Set([snapshot(10).guid]) },
      ...changes,
    });

  test('goes before the next stream, with its bookmarks', () => {
    const { snapshots, bookmarks } = given();
    expect([ages(snapshots), ages(bookmarks)]).toEqual([
      [20, 30],
      [20, 30],
    ]);
  });

  test('is not what the target has, nor its base, nor what is being sent', () => {
    const there = new Set(['10', '20', '30']);
    const { snapshots, bookmarks } = given({ there, base: snapshot(30).guid });
    expect([ages(snapshots), ages(bookmarks)]).toEqual([[], []]);
  });

  test('leaves the bookmarks alone where no bookmark tells which one is the base', () => {
    const lost = listing(
      source.snapshots,
      [20, 30, 90].map((age) => marked(age)),
    );
    expect(ages(given({ source: lost }).bookmarks)).toEqual([]);
  });

  test('stays as long as another target needs it, and is postponed', () => {
    const [other] = others;
    const shared = listing(source.snapshots, [
      ...source.bookmarks,
      ...[10, 20].map((age) => marked(age, other)),
    ]);
    const { snapshots, postponed, bookmarks } = given({ source: shared });
    expect([ages(snapshots), ages(postponed), ages(bookmarks)]).toEqual([[30], [20], [20, 30]]);
  });
});
