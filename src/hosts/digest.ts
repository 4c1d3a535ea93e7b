import { createHash } from 'node:crypto';

/** Sixteen hexadecimal digits that stand for these words, in this order. */
export const digest = (...words: readonly string[]): string =>
  createHash('sha256').update(words.join('\0')).digest('hex').slice(0, 16);
