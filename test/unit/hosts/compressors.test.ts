import { describe, expect, test } from 'vitest';
import {
  compressorNames,
  compressors,
  isCompressorName,
  parseCompression,
} from '../../../src/hosts/compressors.ts';
import { refused } from '../support/refused.ts';

describe('a compressor', () => {
  test('is known by the names that the help shows, and none and auto are two more', () => {
    expect(compressorNames).toEqual(['lzop', 'zstd', 'lz4', 'gzip']);
    for (const name of [...compressorNames, 'none', 'auto'])
      expect(parseCompression(name)).toBe(name);
  });

  test.each(['', 'LZOP', 'xz', 'AUTO', 'lzop ', 'constructor', '__proto__', '-1', '$(id)', 'a\nb'])(
    'is not %j',
    (text) => {
      expect(isCompressorName(text)).toBe(false);
      expect(refused(() => parseCompression(text)).hint).toBe(
        '--compress takes lzop, zstd, lz4, gzip, auto or none',
      );
    },
  );

  test('is called by its own name, reads standard input and writes standard output', () => {
    for (const [name, { compress, decompress }] of Object.entries(compressors)) {
      expect([compress[0], decompress[0]]).toEqual([name, name]);
      expect(compress.join(' ')).toMatch(/ -\w*c$/);
      expect(decompress.join(' ')).toMatch(/ -dc$/);
    }
  });
});
