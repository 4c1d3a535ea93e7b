import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonLine } from '../../../src/journal/json.ts';
import { hostileText, many } from '../support/arbitraries.ts';
import { failed, replicated, skipped } from '../support/entries.ts';
import { isOneLine } from '../support/refused.ts';

const parsed = (line: string): Record<string, unknown> => JSON.parse(line);

describe('a line of the JSON log', () => {
  test('has the fields of the contract, in their order', () => {
    expect(Object.keys(parsed(jsonLine(replicated())))).toEqual([
      ...['time', 'result', 'verb', 'source', 'target', 'host', 'snapshot', 'seconds'],
      ...['kind', 'base', 'guid', 'bytes', 'compression', 'asStored', 'raw', 'notes', 'kept'],
    ]);
    expect(Object.keys(parsed(jsonLine(failed({ hint: 'x' }))))).toEqual([
      ...['time', 'result', 'verb', 'source', 'target', 'host', 'snapshot', 'seconds'],
      ...['kind', 'base', 'guid', 'bytes', 'compression', 'asStored', 'raw', 'notes', 'kept'],
      ...['exitCode', 'error', 'hint'],
    ]);
  });

  test('has times to the second, durations to the millisecond and guids as exact text', () => {
    expect(parsed(jsonLine(replicated()))).toMatchObject({
      time: '2026-11-20T08:05:02Z',
      seconds: 2.123,
      guid: '18446744073709551615',
      bytes: 12_897_485,
    });
  });

  test('leaves out what is not known', () => {
    const fields = parsed(jsonLine(failed({ snapshot: undefined, bytes: undefined })));
    for (const name of ['snapshot', 'bytes', 'hint']) expect(fields).not.toHaveProperty(name);
    expect(parsed(jsonLine(skipped()))).not.toHaveProperty('holder');
  });

  test('tells who is still at work', () => {
    const holder = { pid: 4_711, started: '2026-11-20T08:10:00.000Z', sent: 5, total: 9 };
    expect(parsed(jsonLine(skipped({ holder })))).toMatchObject({ result: 'skipped', holder });
  });

  test('drives no terminal that shows it', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        expect(jsonLine(failed({ error: text, kept: [text] }))).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
      many,
    );
  });

  test('is one line that gives every text back exactly', () => {
    fc.assert(
      fc.property(
        hostileText().filter((text) => text.isWellFormed()),
        (text) => {
          const line = jsonLine(failed({ error: text, notes: [text], target: text }));
          expect(isOneLine(line)).toBe(true);
          expect(parsed(line)).toMatchObject({ error: text, notes: [text], target: text });
        },
      ),
      many,
    );
  });
});
