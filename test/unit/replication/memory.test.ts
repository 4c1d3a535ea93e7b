import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isFresh,
  type Memory,
  memoryWord,
  needsNoHistory,
  parseMemory,
} from '../../../src/replication/memory.ts';
import type { Request } from '../../../src/replication/request.ts';
import type { TargetId } from '../../../src/replication/target-id.ts';
import { parseDatasetName, parseGuid, parseSnapshotLabel } from '../../../src/zfs/names.ts';
import { guid, hostileText, many, oneIn, snapshotLabel } from '../support/arbitraries.ts';
import { request } from '../support/pair.ts';

const target = '0123456789' as TargetId;
const clean = { label: parseSnapshotLabel('one'), guid: parseGuid('7'), listed: 1_000_000_000_000 };

describe('what a cycle leaves the next one', () => {
  test('is read as it was written', () => {
    const listed = fc.integer({ min: 0, max: 9e14 });
    const memory: fc.Arbitrary<Memory> = fc.record({
      target: fc.constant(target),
      clean: fc.option(fc.record({ label: snapshotLabel, guid, listed }), { nil: undefined }),
    });
    fc.assert(
      fc.property(memory, (word) => {
        expect(parseMemory(memoryWord(word))).toEqual(word);
      }),
      many,
    );
  });

  test('is nothing, or the target alone, where somebody else wrote it', () => {
    expect(parseMemory('somebody')).toBeUndefined();
    for (const tail of ['', '/', '/0/1/one', '/7/now/one', '/7/1/one@two', '/7/1', '/7/1/']) {
      expect(parseMemory(`${target}${tail}`)).toEqual({ target, clean: undefined });
    }
    fc.assert(
      fc.property(hostileText(), (text) => {
        expect(parseMemory(`${target}/${text}`)?.target ?? target).toBe(target);
      }),
      oneIn(10),
    );
  });

  test('is gone by for a day, and not before it was written', () => {
    const hour = 3_600_000;
    expect(isFresh(clean, clean.listed)).toBe(true);
    expect(isFresh(clean, clean.listed + 23 * hour)).toBe(true);
    expect(isFresh(clean, clean.listed + 24 * hour)).toBe(false);
    expect(isFresh(clean, clean.listed - 1)).toBe(false);
  });
});

const policy = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0 };

test.each<[string, Partial<Request>]>([
  ['prime', { intent: 'prime' }],
  ['--keep', { keep: 3 }],
  ['--keep-target', { keepTarget: policy as NonNullable<Request['keepTarget']> }],
  ['--properties', { properties: true }],
  ['--rollback', { rollback: true }],
  ['--abort-partial', { abortPartial: true }],
  ['--replace', { replace: true }],
  ['--include-snapshots', { includeSnapshots: ['hourly*'] }],
  ['--recursive', { tree: { exclude: [], maxDepth: undefined, parallel: 1 } }],
  ['a part of a tree', { partOf: parseDatasetName('pool/vm') }],
])('%s needs all snapshots listed', (_, changes) => {
  expect(needsNoHistory(request(changes))).toBe(false);
  expect(needsNoHistory(request())).toBe(true);
});
