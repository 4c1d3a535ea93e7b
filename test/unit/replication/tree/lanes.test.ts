import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Placed, spread } from '../../../../src/replication/tree/lanes.ts';

const old = (dataset: string): Placed => ({ dataset, isNew: false });
const fresh = (dataset: string): Placed => ({ dataset, isNew: true });
const names = (lanes: readonly (readonly Placed[])[]) =>
  lanes.map((lane) => lane.map(({ dataset }) => dataset));
const itself = (one: Placed) => one;

describe('what is sent at a time', () => {
  test('is spread evenly', () => {
    const all = ['b', 'b/1', 'b/2', 'b/3', 'b/4'].map(old);
    expect(names(spread(all, itself, 2))).toEqual([
      ['b', 'b/2', 'b/4'],
      ['b/1', 'b/3'],
    ]);
  });

  test('is one behind the other where nothing else was asked for', () => {
    const all = ['b', 'b/1', 'b/2'].map(old);
    expect(spread(all, itself, 1)).toEqual([all]);
  });

  test('is in no more lanes than there is to send', () => {
    expect(names(spread([old('b')], itself, 4))).toEqual([['b']]);
    expect(spread([], itself, 4)).toEqual([]);
  });

  test('has what is new behind the new one above it', () => {
    const all = [old('b'), fresh('b/new'), old('b/old'), fresh('b/new/1'), fresh('b/old/2')];
    expect(names(spread(all, itself, 3))).toEqual([
      ['b/new', 'b/new/1'],
      ['b', 'b/old/2'],
      ['b/old'],
    ]);
  });

  test('has the streams of one dataset together, in their order', () => {
    const all = [old('b/1'), old('b/1'), old('b/2'), fresh('b/3'), fresh('b/3/x'), old('b/3/x')];
    const lanes = spread(all, itself, 3);
    expect(lanes.map((lane) => lane.map((one) => all.indexOf(one)))).toEqual([
      [3, 4, 5],
      [0, 1],
      [2],
    ]);
  });

  test('is all of it, each once, each new one behind the one above it', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 4 });
    const tree = fc
      .array(path, { maxLength: 30 })
      .map((paths) => [
        ...new Set(
          paths.flatMap((parts) =>
            [0, 1, 2, 3, 4].map((length) => ['b', ...parts.slice(0, length)].join('/')),
          ),
        ),
      ])
      .map((all) => all.toSorted((a, b) => a.split('/').length - b.split('/').length));
    fc.assert(
      fc.property(
        tree,
        fc.func(fc.boolean()),
        fc.integer({ min: 1, max: 9 }),
        (all, isNew, most) => {
          const members = all.map((dataset): Placed => ({ dataset, isNew: isNew(dataset) }));
          const lanes = spread(members, itself, most);
          expect(lanes.length).toBeLessThanOrEqual(most);
          expect(lanes.every((lane) => lane.length > 0)).toBe(true);
          expect(lanes.flat().toSorted((a, b) => (a.dataset < b.dataset ? -1 : 1))).toEqual(
            members.toSorted((a, b) => (a.dataset < b.dataset ? -1 : 1)),
          );
          for (const lane of lanes) {
            for (const [index, { dataset, isNew: is }] of lane.entries()) {
              const parent = members.find(
                (each) => each.dataset === dataset.slice(0, dataset.lastIndexOf('/')),
              );
              if (!is || parent?.isNew !== true) continue;
              expect(lane.slice(0, index)).toContain(parent);
            }
          }
        },
      ),
    );
  });
});
