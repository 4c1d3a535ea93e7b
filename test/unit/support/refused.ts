import { expect } from 'vitest';
import { type FailureKind, ZferryError } from '../../../src/errors.ts';

/** True for text that stays on one line, is shown in its own order and cannot drive a terminal. */
export const isOneLine = (text: string): boolean => !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text);

/** What `act` throws; fails when it throws nothing, or something that is not zferry's own. */
export const thrownBy = (act: () => unknown): ZferryError => {
  try {
    act();
  } catch (error) {
    if (error instanceof ZferryError) return error;
    throw new Error(`threw something else than a ZferryError: ${String(error)}`, { cause: error });
  }
  throw new Error('threw nothing');
};

/** Expects a refusal of that kind in one clear line, and gives it. */
export const refused = (act: () => unknown, kind: FailureKind = 'usage'): ZferryError => {
  const error = thrownBy(act);
  expect(error.kind).toBe(kind);
  expect(error.message).not.toBe('');
  expect(isOneLine(error.message), error.message).toBe(true);
  expect(isOneLine(error.hint ?? ''), error.hint).toBe(true);
  return error;
};

/** What `parse` makes of a text, or the refusal. */
export const attempt = <T>(
  parse: () => T,
  kind: FailureKind = 'usage',
): { readonly value: T } | { readonly error: ZferryError } => {
  let value: T;
  try {
    value = parse();
  } catch (thrown) {
    return {
      error: refused(() => {
        throw thrown;
      }, kind),
    };
  }
  return { value };
};
