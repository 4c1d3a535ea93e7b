import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultNameFormat, parseNameFormat } from '../../../src/replication/series.ts';
import { parseSnapshotLabel } from '../../../src/zfs/names.ts';
import { hostileText, many, moment, oneIn, snapshotLabel } from '../support/arbitraries.ts';
import { attempt, refused } from '../support/refused.ts';

const ours = parseNameFormat(defaultNameFormat);
const script = parseNameFormat('%Y-%m-%d %H:%M:%S');
const label = parseSnapshotLabel;

const formats = [
  defaultNameFormat,
  '%Y-%m-%d %H:%M:%S',
  'backup-%F_%T',
  'zfs-auto-snap_%Y%m%d%H%M%S',
  'x %j of %Y, %H.%M.%S'.replace(',', ''),
  'daily_%d%b%Y-%H%M%S',
];

describe('the names of a series', () => {
  test('are those of the specification', () => {
    const at = new Date('2026-11-20T08:05:00.999Z');
    expect(ours.label(at, 1)).toBe('zferry_2026-11-20T08:05:00Z');
    expect(script.label(at, 1)).toBe('2026-11-20 08:05:00');
  });

  test.each(formats)('of the format %j tell the moment that they were made from', (format) => {
    const series = parseNameFormat(format);
    fc.assert(
      fc.property(moment, fc.integer({ min: 1, max: 100 }), (at, attemptNumber) => {
        expect(series.timeOf(series.label(at, attemptNumber))).toEqual(at);
      }),
      oneIn(formats.length),
    );
  });

  test('are unique within a second by a suffix that still tells the moment', () => {
    const at = new Date('2026-11-20T08:05:00Z');
    const labels = Array.from({ length: 100 }, (_, n) => ours.label(at, n + 1));
    expect(new Set(labels).size).toBe(100);
    expect(labels[1]).toBe('zferry_2026-11-20T08:05:00Z_2');
    for (const each of labels) expect(ours.timeOf(each)).toEqual(at);
  });

  test.each([
    'zferry_',
    'zferry_2026-11-20',
    'zferry_2026-11-20T08:05:00',
    'zferry_2026-11-20T08:05:00Z_1',
    'zferry_2026-11-20T08:05:00Z_02',
    'zferry_2026-11-20T08:05:00Z_x',
    'zferry_2026-11-20T08:05:00Z_2_2',
    'zferry_2026-11-20T08:05:00Z-keep',
    'zferry_2026-02-30T08:05:00Z',
    'zferry_2026-13-01T08:05:00Z',
    'zferry_2026-11-20T25:05:00Z',
    'zferry_2026-1-2T08:05:00Z',
    'zferry_ 2026-11-20T08:05:00Z',
    'Zferry_2026-11-20T08:05:00Z',
    'my_zferry_2026-11-20T08:05:00Z',
    '2026-11-20 08:05:00',
    'before-upgrade',
  ])('do not claim %j', (name) => {
    expect(ours.timeOf(label(name))).toBeUndefined();
  });

  test('claim no name but those that they could have made', () => {
    fc.assert(
      fc.property(snapshotLabel, fc.constantFrom(ours, script), (name, series) => {
        const at = series.timeOf(name);
        if (at !== undefined) expect(name.startsWith(series.label(at, 1))).toBe(true);
      }),
      many,
    );
  });
});

describe('a name format', () => {
  test.each([
    [defaultNameFormat, true],
    ['backup%Y', true],
    ['%Y-%m-%d %H:%M:%S', false],
    ['%Y-%m-%dT%H:%M:%SZ', false],
    ['%F_%T', false],
    ['%d%b%Y', false],
    ['a%Yb%mc', false],
    ['%B_%Y', false],
  ])('%j owns its names: %s', (format, owns) => {
    expect(parseNameFormat(format).ownsItsNames).toBe(owns);
  });

  test.each([
    ['', 'has no time in it'],
    ['zferry', 'has no time in it'],
    ['zferry_%b', 'has no time in it'],
    ['zferry_%Z', 'has a directive that zferry does not know'],
    ['zferry_%-d%Y', 'has a directive that zferry does not know'],
    ['zferry_%Y%', 'has a directive that zferry does not know'],
    ['zferry_%s', 'has a directive that zferry does not know'],
    ['zferry_%Y%%', 'has a character that ZFS does not allow'],
    ['zferry/%Y', 'has a character that ZFS does not allow'],
    ['zferry@%Y', 'has a character that ZFS does not allow'],
    ['zferry_%Y\n', 'has a character that ZFS does not allow'],
    ['$(id)%Y', 'has a character that ZFS does not allow'],
  ])('%j is refused because it %s', (format, reason) => {
    expect(refused(() => parseNameFormat(format)).message).toContain(reason);
  });

  test('makes names that ZFS allows, or is refused in one line', () => {
    const directive = fc.constantFrom('%Y', '%m', '%d', '%H', '%M', '%S', '%%', '%F', '%T', '%x');
    const format = fc
      .array(fc.oneof(directive, hostileText(3), fc.constantFrom('zferry_', '-')), { maxLength: 8 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(format, moment, (typed, at) => {
        const result = attempt(() => parseNameFormat(typed));
        if ('value' in result) {
          const name = result.value.label(at, 1);
          expect(label(name)).toBe(name);
        }
      }),
      oneIn(2),
    );
  });
});
