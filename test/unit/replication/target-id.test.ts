import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bookmarkLabel,
  bookmarkMeaning,
  placeProperty,
  streamProperty,
  type TargetId,
  targetIdOf,
} from '../../../src/replication/target-id.ts';
import { parseBookmarkLabel, parseDatasetName, parseGuid } from '../../../src/zfs/names.ts';
import { datasetName, guid, many, moment, snapshotLabel } from '../support/arbitraries.ts';

const id = fc.stringMatching(/^[0-9a-f]{10}$/).map((text) => text as TargetId);
const root = parseGuid('77');

describe("a target's id", () => {
  test('is ten hexadecimal digits for every target', () => {
    fc.assert(
      fc.property(guid, datasetName, (rootGuid, dataset) => {
        expect(targetIdOf(rootGuid, dataset)).toMatch(/^[0-9a-f]{10}$/);
      }),
      many,
    );
  });

  test('stays the same when the pool is imported under another name', () => {
    expect(targetIdOf(root, parseDatasetName('pool/a/vm'))).toBe(
      targetIdOf(root, parseDatasetName('renamed/a/vm')),
    );
  });

  test('differs between pools and between datasets', () => {
    const ids = [
      targetIdOf(root, parseDatasetName('pool/a')),
      targetIdOf(root, parseDatasetName('pool/b')),
      targetIdOf(root, parseDatasetName('pool/a/b')),
      targetIdOf(root, parseDatasetName('pool')),
      targetIdOf(parseGuid('78'), parseDatasetName('pool/a')),
      targetIdOf(parseGuid('7'), parseDatasetName('pool7/a')),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('never changes from one version of zferry to the next', () => {
    expect(targetIdOf(parseGuid('1234567890123456789'), parseDatasetName('tank/vm'))).toBe(
      'e139aad409',
    );
  });
});

describe('the name of a bookmark', () => {
  test('tells the target and whether it primes, and differs from try to try', () => {
    const attemptNumber = fc.integer({ min: 1, max: 99 });
    fc.assert(
      fc.property(id, fc.boolean(), moment, attemptNumber, (target, priming, at, n) => {
        const name = bookmarkLabel({ target, priming }, at, n);
        expect(bookmarkMeaning(name)).toEqual({ target, priming });
        expect(bookmarkLabel({ target, priming }, at, n + 1)).not.toBe(name);
      }),
      many,
    );
  });

  test('is that of the specification', () => {
    const at = new Date('2026-11-20T08:05:00.123Z');
    const target = '0123456789' as TargetId;
    expect(bookmarkLabel({ target, priming: false }, at, 1)).toBe(
      'zferry_0123456789_2026-11-20T08:05:00Z',
    );
    expect(bookmarkLabel({ target, priming: true }, at, 2)).toBe(
      'zferry_0123456789_2026-11-20T08:05:00Z_2_priming',
    );
  });

  test.each([
    'mine',
    'zferry_2026',
    'zferry_0123456789',
    'zferry_0123456789_',
    'zferry_012345678X_a',
  ])('of somebody else is not taken for one of ours: %s', (name) => {
    expect(bookmarkMeaning(parseBookmarkLabel(name))).toBeUndefined();
  });

  test('of whatever form is read without an error', () => {
    fc.assert(
      fc.property(snapshotLabel, (name) => {
        const meaning = bookmarkMeaning(parseBookmarkLabel(name));
        if (meaning !== undefined) expect(name.startsWith(`zferry_${meaning.target}_`)).toBe(true);
      }),
      many,
    );
  });
});

describe('the properties of the source', () => {
  test('are user properties, one for each target', () => {
    const target = '0123456789' as TargetId;
    expect(placeProperty(target)).toBe('zferry:target.0123456789');
    expect(streamProperty(target)).toBe('zferry:stream.0123456789');
  });
});
