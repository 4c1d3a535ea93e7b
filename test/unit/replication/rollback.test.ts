import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Inspected } from '../../../src/hosts/inspection.ts';
import { lossOf, rollbackProblem, rollbackWarnings } from '../../../src/replication/rollback.ts';
import { parseDatasetName, parseGuid } from '../../../src/zfs/names.ts';
import { many } from '../support/arbitraries.ts';
import { request, snapshot } from '../support/pair.ts';

const target = parseDatasetName('pool/vm');

const inspected = (
  name: string,
  createtxg: number,
  changes: Partial<Inspected> = {},
): Inspected => ({
  type: name.includes('@') ? 'snapshot' : 'filesystem',
  name,
  guid: parseGuid(String(createtxg)),
  createtxg,
  isHeld: false,
  written: 0,
  clones: [],
  ...changes,
});

const base = snapshot(5, 'base');

describe('going back to a snapshot loses', () => {
  test('what was written since, and every newer snapshot and bookmark of the target, oldest first', () => {
    const loss = lossOf(target, 100, base, [
      inspected('pool/vm', 1, { written: 100 }),
      inspected('pool/vm@seven', 7, { written: 20 }),
      inspected('pool/vm@four', 4, { written: 5_000 }),
      inspected('pool/vm@base', 5, { written: 700 }),
      inspected('pool/vm#six', 6, { type: 'bookmark' }),
    ]);
    expect(loss.newer.map(({ name }) => name)).toEqual(['pool/vm#six', 'pool/vm@seven']);
    expect(loss.bytes).toBe(120);
  });

  test('nothing of the datasets below and beside it', () => {
    const others = ['pool/vm/child@x', 'pool/vm.zferry_old@x', 'pool/vm2@x', 'pool/vm/child'];
    const rows = others.map((name) => inspected(name, 9, { written: 7 }));
    expect(lossOf(target, 0, base, rows)).toEqual({ bytes: 0, newer: [] });
  });

  test('exactly what zfs rollback -r destroys: never the base or what is older', () => {
    const ages = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 12 });
    fc.assert(
      fc.property(ages, fc.integer({ min: 1, max: 40 }), (there, back) => {
        const rows = there.map((age) => inspected(`pool/vm@${age}`, age));
        const { newer } = lossOf(target, 0, { createtxg: back }, rows);
        expect(newer.map(({ createtxg }) => createtxg)).toEqual(
          there.filter((age) => age > back).toSorted((a, b) => a - b),
        );
      }),
      many,
    );
  });
});

describe('a target cannot go back', () => {
  test('past a snapshot that is held, and the hint shows the hold', () => {
    const newer = [inspected('pool/vm@a', 6), inspected('pool/vm@b', 7, { isHeld: true })];
    expect(rollbackProblem(request(), { newer })).toMatchObject({
      exitCode: 3,
      message: 'pool/vm@b on backup is held, and would have to go',
      hint: "see who holds it: ssh backup 'zfs holds pool/vm@b'",
    });
  });

  test('past a snapshot that has a clone', () => {
    const newer = [inspected('pool/vm@a', 6, { clones: ['pool/c 1'] })];
    expect(rollbackProblem(request(), { newer })).toMatchObject({
      exitCode: 3,
      message: 'pool/vm@a on backup has a clone (pool/c 1), and would have to go',
    });
  });

  test('otherwise it can', () => {
    expect(rollbackProblem(request(), { newer: [inspected('pool/vm@a', 6)] })).toBeUndefined();
    expect(rollbackProblem(request(), { newer: [] })).toBeUndefined();
  });
});

test('what is lost is said by name before it is, with the size where zfs knows it', () => {
  const newer = [inspected('pool/vm@a', 6), inspected('pool/vm#b', 7)];
  expect(rollbackWarnings(request(), base, { bytes: 2_048, newer })).toEqual([
    'rolling pool/vm on backup back to @base: what was written there since is lost (2 KiB)',
    'destroying pool/vm@a on backup',
    'destroying pool/vm#b on backup',
  ]);
  expect(rollbackWarnings(request(), base, { bytes: 0, newer: [] })).toEqual([
    'rolling pool/vm on backup back to @base: what was written there since is lost',
  ]);
});
