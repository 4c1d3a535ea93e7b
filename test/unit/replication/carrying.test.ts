import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cargoOf, isUnfinishedPrime } from '../../../src/replication/carrying.ts';
import { bookmarkLabel, parseTargetId, type TargetId } from '../../../src/replication/target-id.ts';
import { many } from '../support/arbitraries.ts';
import { bookmark, listing, replica, request, snapshot } from '../support/pair.ts';

const hourly = (age: number) => snapshot(age, `autosnap_${age}_hourly`);
const asked = request({ includeSnapshots: ['*_hourly', 'by hand'] });
const labels = (snapshots: readonly { readonly label: string }[]) =>
  snapshots.map(({ label }) => label);

describe('what is carried over', () => {
  test('is between the base and what is sent, and named by a pattern', () => {
    const source = listing([
      ...[hourly(1), snapshot(2), hourly(3), snapshot(4, 'autosnap_4_daily')],
      ...[snapshot(5, 'by hand'), snapshot(6), hourly(7)],
    ]);
    const cargo = cargoOf(asked, source, snapshot(2), snapshot(6), replica([snapshot(2)]));
    expect(labels(cargo.snapshots)).toEqual(['autosnap_3_hourly', 'by hand']);
    expect(cargo.notes).toEqual([]);
  });

  test('begins with the oldest where the target is to be made', () => {
    const source = listing([hourly(3), hourly(1), snapshot(5)]);
    const cargo = cargoOf(asked, source, undefined, snapshot(5), undefined);
    expect(labels(cargo.snapshots)).toEqual(['autosnap_1_hourly', 'autosnap_3_hourly']);
  });

  test('is nothing of the series, whatever the pattern, and nothing without one', () => {
    const source = listing([snapshot(1), snapshot(2), hourly(3), snapshot(4)]);
    const of = (...includeSnapshots: readonly string[]) =>
      labels(
        cargoOf(request({ includeSnapshots }), source, snapshot(1), snapshot(4), undefined)
          .snapshots,
      );
    expect(of('*')).toEqual(['autosnap_3_hourly']);
    expect(of()).toEqual([]);
  });

  test('leaves out a name that the target has for something else, and says so', () => {
    const source = listing([snapshot(1), hourly(2), hourly(3), snapshot(4)]);
    const there = replica([snapshot(1), { ...hourly(9), label: hourly(2).label }]);
    const cargo = cargoOf(asked, source, snapshot(1), snapshot(4), there);
    expect(labels(cargo.snapshots)).toEqual(['autosnap_3_hourly']);
    expect(cargo.notes).toEqual([
      '@autosnap_2_hourly not carried over: the target has another one of that name',
    ]);
  });

  test('is a row without a gap or a repetition, however often the cycle is cut off on its way', () => {
    const cuts = fc.array(fc.nat(4), { maxLength: 8 });
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 2, max: 50 })), cuts, (ages, arrivals) => {
        const sent = snapshot(60);
        const source = listing([snapshot(1), ...ages.map(hourly), sent]);
        const there = [snapshot(1)];
        for (const count of [...arrivals, 100]) {
          const { snapshots } = cargoOf(asked, source, there.at(-1), sent, replica(there));
          there.push(...snapshots.slice(0, count));
        }
        const all = source.snapshots.filter(({ guid }) => guid !== sent.guid);
        expect(labels(there)).toEqual(labels(all));
      }),
      many,
    );
  });
});

describe('a first send that carries others along', () => {
  const id = parseTargetId('0123456789') as TargetId;
  const priming = (age: number, target = id) =>
    bookmark(age, bookmarkLabel({ target, priming: true }, new Date(age * 1000), 1));
  const verified = (age: number) =>
    bookmark(age, bookmarkLabel({ target: id, priming: false }, new Date(age * 1000), 1));

  test('is not finished while what it was to bring is newer than what the target has', () => {
    expect(isUnfinishedPrime(listing([], [priming(1), priming(4)]), id, snapshot(1))).toBe(true);
  });

  test('and goes on being so when a cycle that went on with it is cut off too', () => {
    expect(isUnfinishedPrime(listing([], [priming(1), verified(4)]), id, snapshot(1))).toBe(true);
  });

  test('is finished with its own snapshot, or once what the target has was verified', () => {
    expect(isUnfinishedPrime(listing([], [priming(1), priming(4)]), id, snapshot(4))).toBe(false);
    expect(isUnfinishedPrime(listing([], [verified(1), priming(4)]), id, snapshot(1))).toBe(false);
    expect(isUnfinishedPrime(listing([], [verified(1), verified(4)]), id, snapshot(1))).toBe(false);
    expect(isUnfinishedPrime(listing([], []), id, snapshot(1))).toBe(false);
  });

  test('is not told by what another target is being primed with', () => {
    const other = parseTargetId('9876543210') as TargetId;
    expect(isUnfinishedPrime(listing([], [priming(4, other)]), id, snapshot(1))).toBe(false);
  });
});
