import { PassThrough, Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineSplitter, linesOf, longestLine } from '../../../src/hosts/lines.ts';
import { hostileText, oneIn } from '../support/arbitraries.ts';

const read = async (pieces: readonly string[]): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(pieces.map((piece) => Buffer.from(piece))))) {
    lines.push(line);
  }
  return lines;
};

const split = (pieces: readonly string[]): string[] => {
  const lines: string[] = [];
  const { take, flush } = lineSplitter((line) => lines.push(line));
  for (const piece of pieces) take(piece);
  flush();
  return lines;
};

describe('the lines of a stream', () => {
  test('are the same however the stream is cut into pieces', () => {
    fc.assert(
      fc.property(fc.array(hostileText()), (pieces) => {
        expect(split(pieces)).toEqual(split([pieces.join('')]));
      }),
      oneIn(10),
    );
  });

  test('come with the one that has no line break, and without CR', async () => {
    expect(await read(['a\r\nb', 'c\n\n', 'd'])).toEqual(['a', 'bc', '', 'd']);
    expect(await read([])).toEqual([]);
  });

  test('are cut where they are endless, and the next one is whole', () => {
    const piece = 'x'.repeat(50_000);
    const [long, next] = split([...Array.from({ length: 40 }, () => piece), '\nnext\n']);
    expect(long).toHaveLength(longestLine);
    expect(next).toBe('next');
  });

  test('end where the stream breaks', async () => {
    const stream = new PassThrough();
    const lines = linesOf(stream);
    stream.write('one\n');
    expect(await lines.next()).toEqual({ done: false, value: 'one' });
    stream.destroy(new Error('broken'));
    expect(await lines.next()).toEqual({ done: true, value: undefined });
  });
});
