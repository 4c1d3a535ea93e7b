import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decideForgetting,
  knownTargets,
  meantTargets,
} from '../../../src/replication/forgetting.ts';
import type { TargetId } from '../../../src/replication/target-id.ts';
import type { Bookmark } from '../../../src/zfs/listing.ts';
import { hostileText, many } from '../support/arbitraries.ts';
import { bookmark, listing, series, snapshot, source } from '../support/pair.ts';
import { isOneLine, refused } from '../support/refused.ts';

const mine = 'aaaaaaaaaa' as TargetId;
const other = 'bbbbbbbbbb' as TargetId;

const marked = (age: number, target: TargetId, priming = false): Bookmark =>
  bookmark(age, `zferry_${target}_${age}${priming ? '_priming' : ''}`);

const ages = (items: readonly { createtxg: number }[]): number[] =>
  items.map(({ createtxg }) => createtxg);

describe('the targets that a source knows', () => {
  test('are those of its properties, bookmarks and marks, each once', () => {
    const known = knownTargets(
      listing(
        [snapshot(3, undefined, 'cccccccccc' as TargetId), snapshot(4, undefined, 'superseded')],
        [marked(1, mine), bookmark(2, 'of-somebody')],
      ),
      new Map([
        ['zferry:target.aaaaaaaaaa', 'backup'],
        ['zferry:stream.aaaaaaaaaa', 'large-blocks'],
        ['zferry:stream.bbbbbbbbbb', 'large-blocks'],
        ['zferry:target.no-id', 'x'],
        ['compression', 'lz4'],
      ]),
    );
    expect(known).toEqual([
      { id: mine, place: 'backup' },
      { id: other, place: undefined },
      { id: 'cccccccccc', place: undefined },
    ]);
  });
});

describe('a person means', () => {
  const known = [
    { id: mine, place: 'backup' },
    { id: other, place: 'root@backup:tank/vm' },
    { id: 'cccccccccc' as TargetId, place: 'backup:pool/vm' },
    { id: 'dddddddddd' as TargetId, place: 'ssh://backup:2222/tank/vm' },
    { id: 'eeeeeeeeee' as TargetId, place: undefined },
  ];
  const meant = (typed: string) => meantTargets(source, typed, known).map(({ id }) => id);

  test('every target at that place, whoever logs in there and however it is written', () => {
    for (const typed of ['backup', 'backup:tank/vm', 'me@backup', 'ssh://backup/tank/vm']) {
      expect(meant(typed)).toEqual([mine, other]);
    }
    expect(meant('backup:pool/vm')).toEqual(['cccccccccc']);
    expect(meant('ssh://backup:2222/tank/vm')).toEqual(['dddddddddd']);
  });

  test('the one of that ID', () => {
    expect(meant('eeeeeeeeee')).toEqual(['eeeeeeeeee']);
  });

  test('none that is unknown: the hint lists those that there are', () => {
    const { message, hint } = refused(() => meant('elsewhere'));
    expect(message).toBe('tank/vm has no target elsewhere');
    expect(hint).toContain('it has backup (aaaaaaaaaa), root@backup:tank/vm (bbbbbbbbbb)');
    expect(hint).toContain('eeeeeeeeee (never verified)');
    expect(hint).toContain('zferry forget tank/vm aaaaaaaaaa');
    refused(() => meant('ffffffffff'));
    expect(refused(() => meantTargets(source, 'backup', [])).hint).toBe('it has none at all');
  });

  test('nothing by a recorded place that is none, and every message is one line', () => {
    fc.assert(
      fc.property(hostileText(), (place) => {
        const odd = [{ id: mine, place }];
        const { message, hint } = refused(() => meantTargets(source, 'nowhere:no/where', odd));
        expect(isOneLine(`${message}${hint}`)).toBe(true);
      }),
      many,
    );
  });
});

describe('with a target go', () => {
  const decide = (...parts: Parameters<typeof listing>) =>
    decideForgetting(listing(...parts), mine, series);

  test('its bookmarks, and the snapshots that they name', () => {
    const { snapshots, bookmarks, staying } = decide(
      [snapshot(1, undefined, mine), snapshot(2, undefined, mine)],
      [marked(1, mine), marked(2, mine), marked(1, other)],
    );
    expect([ages(snapshots), ages(bookmarks), ages(staying)]).toEqual([[1, 2], [1, 2], []]);
  });

  test('snapshots of cycles that were cut short, but never a history', () => {
    const all = [1, 2, 3, 4].map((age) => snapshot(age, undefined, mine));
    const { snapshots, staying } = decide(all, [marked(3, mine)], {
      properties: ['large-blocks', 'backup'],
    });
    expect([ages(snapshots), ages(staying)]).toEqual([
      [3, 4],
      [1, 2],
    ]);
    const bare = decide(all, [], { properties: [undefined, 'backup'] });
    expect([ages(bare.snapshots), ages(bare.staying)]).toEqual([[], [1, 2, 3, 4]]);
  });

  test('what first sends left that never were verified', () => {
    const { snapshots } = decide(
      [snapshot(1, undefined, mine), snapshot(2, undefined, mine)],
      [marked(2, mine, true)],
    );
    expect(ages(snapshots)).toEqual([1, 2]);
  });

  test('none that somebody renamed or another target is being sent', () => {
    const { snapshots, staying } = decide(
      [snapshot(1, 'keep me', mine), snapshot(2, undefined, mine)],
      [marked(1, mine), marked(2, mine), marked(1, other), marked(2, other)],
    );
    expect([ages(snapshots), ages(staying)]).toEqual([[], [1, 2]]);
  });

  test('nothing of others, whatever there is', () => {
    const age = fc.integer({ min: 1, max: 20 });
    const made = fc.record({
      age,
      mark: fc.constantFrom(mine, other, undefined, 'superseded' as const),
      label: fc.constantFrom(undefined, 'named'),
    });
    const noted = fc.record({ age, target: fc.constantFrom(mine, other), priming: fc.boolean() });
    fc.assert(
      fc.property(
        fc.uniqueArray(made, { selector: (each) => each.age, maxLength: 8 }),
        fc.array(noted, { maxLength: 6 }),
        (there, notes) => {
          const result = decide(
            there.map((each) => snapshot(each.age, each.label, each.mark)),
            notes.map((each) => marked(each.age, each.target, each.priming)),
          );
          for (const each of [...result.snapshots, ...result.staying]) expect(each.mark).toBe(mine);
          for (const { label } of result.bookmarks) expect(label).toContain(mine);
          const marks = there.filter(({ mark }) => mark === mine);
          expect(result.snapshots.length + result.staying.length).toBe(marks.length);
          for (const { label } of result.snapshots) expect(label).not.toBe('named');
        },
      ),
      many,
    );
  });
});
