import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * SHA-256 of a text, in hexadecimal digits. Not node:crypto's: to load that takes a cycle longer than all of zferry's own
 * modules, for a few hundred bytes.
 */
export const sha256Of = (text: string): string => bytesToHex(sha256(utf8ToBytes(text)));

/** Sixteen hexadecimal digits that stand for these words, in this order. */
export const digest = (...words: readonly string[]): string =>
  sha256Of(words.join('\0')).slice(0, 16);
