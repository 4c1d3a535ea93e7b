import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAction, parseSought } from '../../../src/hosts/agent-answers.ts';
import { parseGuid } from '../../../src/zfs/names.ts';
import { hostileText, many } from '../support/arbitraries.ts';

test('what is sought is found by its guid, and what is no name is nowhere', () => {
  const wanted = parseGuid('7');
  const said = (...lines: readonly string[]) =>
    parseSought(wanted, ['section seek', ...lines, 'end seek']);
  expect(said('7\ttank/a b@v 1', '7\tpool/c@v1')).toEqual(['tank/a b@v 1', 'pool/c@v1']);
  expect(said()).toEqual([]);
  for (const line of ['77\ttank/a@v', '7\ttank/a', '7\t-r@v', '7\ta@b@c', '7 tank/a@v', '']) {
    expect(said(line)).toEqual([]);
  }
  fc.assert(
    fc.property(hostileText(), (text) => {
      for (const name of said(`7\t${text}`))
        expect(name).toMatch(/^[\w:. -]+(\/[\w:. -]+)*@[\w:. -]+$/);
    }),
    many,
  );
});

describe('the answer to an action', () => {
  test('is nothing when it was done', () => {
    expect(parseAction('abort', ['section abort', 'status abort 0', 'self 4'])).toBeUndefined();
    expect(parseAction('rollback', ['section rollback', 'status rollback 0'])).toBeUndefined();
  });

  test('is the first that zfs said, or that it failed', () => {
    const said = "cannot abort: 'tank/r' does not have any resumable receive state to abort";
    expect(parseAction('abort', ['section abort', said, 'status abort 1'])).toBe(said);
    const advice = ["use '-R' to force deletion of the following clones", 'tank/clone'];
    const lines = ['section rollback', 'cannot roll back', ...advice, 'status rollback 1'];
    expect(parseAction('rollback', lines)).toBe('cannot roll back');
    expect(parseAction('abort', ['section abort'])).toBe('zfs receive -A failed');
    expect(parseAction('rollback', ['section rollback', 'status rollback 1'])).toBe(
      'zfs rollback failed',
    );
    expect(parseAction('rollback', [])).toBe('zfs rollback failed');
    expect(parseAction('abort', ['section abort', 'status abort '])).toBeDefined();
  });

  test('is not that of another action', () => {
    expect(parseAction('rollback', ['section abort', 'status abort 0'])).toBeDefined();
  });
});
