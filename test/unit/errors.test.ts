import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  asZferryError,
  exitCodes,
  failure,
  refusal,
  usageError,
  worstOf,
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

describe('the exit code of several results', () => {
  /** From the best to what a person must see to. */
  const order = [0, 4, 1, 2, 3];

  test('is the worse of any two, whichever comes first', () => {
    const pairs = order.flatMap((better, place) =>
      order.slice(place).map((worse) => ({ better, worse })),
    );
    expect(pairs).toHaveLength(15);
    for (const { better, worse } of pairs) {
      expect({ better, worse, code: worstOf([better, worse]) }).toEqual({
        better,
        worse,
        code: worse,
      });
      expect({ better, worse, code: worstOf([worse, better]) }).toEqual({
        better,
        worse,
        code: worse,
      });
    }
  });

  test('is the worst of all, and that of none is 0', () => {
    expect(worstOf(order)).toBe(3);
    expect(worstOf([1, 0, 4, 2])).toBe(2);
    expect(worstOf([])).toBe(0);
  });

  test('knows every code of the table', () => {
    const codes = Object.values(exitCodes).map(({ code }) => code);
    expect(codes.toSorted()).toEqual(order.toSorted());
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
