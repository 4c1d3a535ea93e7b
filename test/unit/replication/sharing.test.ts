import { describe, expect, test } from 'vitest';
import { fateOf, type Part } from '../../../src/replication/sharing.ts';
import type { TargetId } from '../../../src/replication/target-id.ts';

const [a, b, c] = ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc'] as [TargetId, TargetId, TargetId];
const open: Part = { kind: 'open' };
const failed: Part = { kind: 'failed' };
const free: Part = { kind: 'free' };
const done = (target: TargetId): Part => ({ kind: 'done', target });
const using = (target: TargetId): Part => ({ kind: 'using', target });

describe('the snapshot that the targets of a run share', () => {
  test('goes when none of them has to do with it', () => {
    expect(fateOf([free, free], a)).toBe('goes');
  });

  test.each([
    ['may come to need it', open],
    ['failed, and may have a bookmark that names it', failed],
    ['uses it', using(a)],
    ['has it, and it is made for that one', done(a)],
  ])('stays while one %s', (_, part) => {
    expect(fateOf([part, free], a)).toBe('stays');
  });

  test('gets the mark of one that uses it, where the one that it was made for does not', () => {
    expect(fateOf([failed, using(b)], a)).toEqual({ mark: b });
    expect(fateOf([using(a), using(b)], a)).toBe('stays');
  });

  test('is nobody’s where it has only arrived at others than the one that it was made for', () => {
    expect(fateOf([failed, done(b)], a)).toEqual({ mark: 'superseded' });
    expect(fateOf([failed, done(b)], 'superseded')).toBe('stays');
    expect(fateOf([failed, done(b), using(c)], 'superseded')).toEqual({ mark: c });
  });
});
