import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asZferryError,
  exitCodes,
  failure,
  refusal,
  usageError,
  ZferryError,
} from '../../src/errors.ts';
import { hostileText, many } from './support/arbitraries.ts';
import { isOneLine } from './support/refused.ts';

describe('an error', () => {
  test('has the exit code that the table says for its kind', () => {
    expect(failure('x').exitCode).toBe(1);
    expect(usageError('x').exitCode).toBe(2);
    expect(refusal('x').exitCode).toBe(3);
    expect(new ZferryError('busy', 'x').exitCode).toBe(4);
    expect(exitCodes.done.code).toBe(0);
  });

  test('is one line that no terminal obeys, and so is its hint, whatever they quote', () => {
    fc.assert(
      fc.property(hostileText(), hostileText(), (message, hint) => {
        const error = failure(message, hint);
        expect(isOneLine(error.message)).toBe(true);
        expect(isOneLine(error.hint ?? '')).toBe(true);
      }),
      many,
    );
  });

  test('is not endless, however much it quotes', () => {
    expect(failure('x'.repeat(100_000)).message).toHaveLength(2_001);
  });

  test('keeps ordinary text as it is', () => {
    const error = failure("cannot open 'tank/日 ä': no such pool", "zfs create 'tank/a b'");
    expect(error.message).toBe("cannot open 'tank/日 ä': no such pool");
    expect(error.hint).toBe("zfs create 'tank/a b'");
  });

  test('has no hint where there is no way out', () => {
    expect(failure('x').hint).toBeUndefined();
  });
});

describe('what was thrown', () => {
  test('stays itself when it is ours', () => {
    const error = refusal('not primed');
    expect(asZferryError(error)).toBe(error);
  });

  test('becomes a failure that keeps its cause when it is not ours', () => {
    const cause = new TypeError('first\nsecond');
    const error = asZferryError(cause);
    expect(error.exitCode).toBe(1);
    expect(error.message).toBe('first second');
    expect(error.cause).toBe(cause);
  });

  test('becomes a failure even when it is no error at all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.integer(), fc.constant(undefined)), (thrown) => {
        const error = asZferryError(thrown);
        expect(error).toBeInstanceOf(ZferryError);
        expect(error.exitCode).toBe(1);
      }),
    );
  });
});
