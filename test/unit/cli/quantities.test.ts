import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseBytes,
  parseCount,
  parsePersistence,
  parseTime,
} from '../../../src/cli/quantities.ts';
import { hostileText, many } from '../support/arbitraries.ts';
import { attempt, refused } from '../support/refused.ts';

describe('an amount of bytes', () => {
  test.each([
    ['1', 1],
    ['500K', 512_000],
    ['10M', 10_485_760],
    ['10m', 10_485_760],
    ['10MB', 10_485_760],
    ['10MiB', 10_485_760],
    ['1.5G', 1_610_612_736],
    ['2T', 2_199_023_255_552],
  ])('%s is %d', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each([
    '',
    '0',
    '0.2',
    '-1',
    '1e3',
    '0x10',
    '10 M',
    '10X',
    'M',
    '1,5M',
    'Infinity',
    '9999999999T',
  ])('%j is refused', (text) => {
    refused(() => parseBytes(text));
  });

  test('that is none is said as it was typed', () => {
    expect(() => parseBytes('10mbit')).toThrow("'10mbit' is not a number of bytes");
  });
});

describe('a time', () => {
  test.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['10 min', 600_000],
    ['2h', 7_200_000],
    ['0.5h', 1_800_000],
    ['14d', 1_209_600_000],
  ])('%s is %d milliseconds', (text, milliseconds) => {
    expect(parseTime(text)).toBe(milliseconds);
  });

  test.each(['', '10', '0s', '-1m', '10M', '1w', '10  m', 'm', '1h30m', '10m\n'])(
    '%j is refused',
    (text) => {
      refused(() => parseTime(text));
    },
  );

  test('is refused where a timer could not hold it', () => {
    expect(refused(() => parseTime('15d')).message).toContain('is longer than 14 days');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1_000_000 }),
        fc.constantFrom('s', 'm', 'h', 'd'),
        (n, unit) => {
          const result = attempt(() => parseTime(`${n}${unit}`));
          if ('value' in result) expect(result.value).toBeLessThan(2 ** 31 - 60_000);
        },
      ),
      many,
    );
  });
});

describe('how long a connection is kept', () => {
  test('is a time of at most a day', () => {
    expect(parsePersistence('10m')).toBe(600_000);
    expect(parsePersistence('24h')).toBe(86_400_000);
    expect(parsePersistence('1d')).toBe(86_400_000);
    expect(refused(() => parsePersistence('25h')).message).toBe("'25h' is longer than 24 hours");
    for (const text of ['', '0', '0s', '10', '-1m', 'yes']) refused(() => parsePersistence(text));
  });
});

describe('a count', () => {
  test('is a whole number above 0', () => {
    expect(parseCount('1')).toBe(1);
    expect(parseCount('123456789')).toBe(123_456_789);
    for (const text of ['', '0', '-1', '1.0', '01', '1e3', ' 1', '1234567890', 'x']) {
      refused(() => parseCount(text));
    }
  });
});

describe('every quantity', () => {
  test('is a positive safe integer or refused in one line', () => {
    const text = fc
      .tuple(fc.constantFrom('', '1', '10', '0', '1.5'), hostileText(6))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        text,
        fc.constantFrom(parseBytes, parseTime, parsePersistence, parseCount),
        (typed, parse) => {
          const result = attempt(() => parse(typed));
          if ('value' in result) {
            expect(Number.isSafeInteger(result.value)).toBe(true);
            expect(result.value).toBeGreaterThan(0);
          }
        },
      ),
      many,
    );
  });
});
