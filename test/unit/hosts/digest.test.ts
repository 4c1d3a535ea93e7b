import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digest, sha256Of } from '../../../src/hosts/digest.ts';

test('the digest of a text is what everybody else calls SHA-256', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      expect(sha256Of(text)).toBe(createHash('sha256').update(text).digest('hex'));
    }),
    { numRuns: 50, examples: [['ä日\u0000\ud800 🙂']] },
  );
});

test('the digest of words depends on where one ends and the next begins', () => {
  expect(digest('a', 'bc')).toMatch(/^[0-9a-f]{16}$/);
  expect(digest('a', 'bc')).toBe(digest('a', 'bc'));
  expect(digest('a', 'bc')).not.toBe(digest('ab', 'c'));
});
