import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bookmarkName,
  parentOf,
  parseBookmarkLabel,
  parseDatasetName,
  parseGuid,
  parseSnapshotLabel,
  poolOf,
  shown,
  snapshotName,
} from '../../../src/zfs/names.ts';
import { datasetName, guid, hostileText, many, snapshotLabel } from '../support/arbitraries.ts';
import { attempt, isOneLine, refused } from '../support/refused.ts';

/** The rules of zfs_namecheck.c, written down a second time and in another way. */
const isComponent = (text: string): boolean =>
  text.length > 0 &&
  text !== '.' &&
  text !== '..' &&
  [...text].every((character) => {
    const code = character.codePointAt(0) ?? 0;
    const isDigit = code >= 48 && code <= 57;
    const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    return isDigit || isLetter || '-_.: '.includes(character);
  });

const isDataset = (text: string): boolean =>
  text.length <= 255 &&
  text.split('/').every(isComponent) &&
  text.charAt(0).toLowerCase() !== text.charAt(0).toUpperCase();

describe('a dataset name', () => {
  test('is carried exactly as it was typed when ZFS allows it', () => {
    fc.assert(
      fc.property(datasetName, (name) => {
        expect(parseDatasetName(name)).toBe(name);
      }),
      many,
    );
  });

  test('is taken when ZFS allows it and refused in one line when it does not', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        const result = attempt(() => parseDatasetName(text));
        expect('value' in result ? result.value : undefined).toBe(
          isDataset(text) ? text : undefined,
        );
      }),
      many,
    );
  });

  test('that was allowed is refused once a single hostile character stands in it', () => {
    const hostile = fc.constantFrom(...'\'"`$;&|<>*?[]{}()\\!\n\r\t\0%@#~=+,^ä日');
    fc.assert(
      fc.property(datasetName, hostile, fc.nat(255), (name, character, at) => {
        const place = at % (name.length + 1);
        refused(() => parseDatasetName(name.slice(0, place) + character + name.slice(place)));
      }),
      many,
    );
  });

  test.each([
    ['', 'has an empty component'],
    ['tank//vm', 'has an empty component'],
    ['/tank', 'has an empty component'],
    ['tank/', 'has an empty component'],
    ['tank/..', "has the component '..'"],
    ['tank/./vm', "has the component '.'"],
    ['-tank/vm', 'does not start with a letter'],
    ['1tank/vm', 'does not start with a letter'],
    [' tank/vm', 'does not start with a letter'],
    ['tank/vm@x', 'has a character that ZFS does not allow'],
    ['tank/vm#x', 'has a character that ZFS does not allow'],
    ['tank/%recv', 'has a character that ZFS does not allow'],
    ['tank/vm\n', 'has a character that ZFS does not allow'],
    ['tank/$(reboot)', 'has a character that ZFS does not allow'],
  ])('%j is refused because it %s', (text, reason) => {
    expect(refused(() => parseDatasetName(text)).message).toContain(reason);
  });

  test('may have 255 characters and no more', () => {
    expect(parseDatasetName(`tank/${'x'.repeat(250)}`)).toHaveLength(255);
    expect(refused(() => parseDatasetName(`tank/${'x'.repeat(251)}`)).message).toContain(
      'is longer than 255 characters',
    );
  });

  test('may have components that start with a dash, a dot, a colon or a space', () => {
    for (const name of ['tank/-rf', 'tank/.x', 'tank/:x', 'tank/ x', 'tank/a b/--help']) {
      expect(parseDatasetName(name)).toBe(name);
    }
  });
});

describe('the pool and the parent of a dataset', () => {
  test('are names that the parser allows, and what the name begins with', () => {
    fc.assert(
      fc.property(datasetName, (name) => {
        const parent = parentOf(name);
        expect(parseDatasetName(poolOf(name))).toBe(name.split('/').at(0));
        expect(parent).toBe(
          name.includes('/') ? name.split('/').slice(0, -1).join('/') : undefined,
        );
        if (parent !== undefined) expect(parseDatasetName(parent)).toBe(parent);
      }),
      many,
    );
  });
});

describe.each([
  ['snapshot', parseSnapshotLabel],
  ['bookmark', parseBookmarkLabel],
])('the label of a %s', (what, parse) => {
  test('is carried exactly or refused in one line that says what it is', () => {
    fc.assert(
      fc.property(fc.oneof(snapshotLabel, hostileText()), (text) => {
        const result = attempt(() => parse(text));
        if ('value' in result) expect(result.value).toBe(text);
        else expect(result.error.message).toContain(`the ${what} name`);
        expect('value' in result).toBe(isComponent(text));
      }),
      many,
    );
  });

  test('cannot lead to another dataset', () => {
    for (const text of ['a/b', 'a@b', 'a#b', 'a%b', 'a,b', '..', '']) refused(() => parse(text));
  });
});

describe('a full name', () => {
  test('of a snapshot or bookmark is refused where ZFS would find it too long', () => {
    const dataset = parseDatasetName(`tank/${'x'.repeat(240)}`);
    const fits = 'y'.repeat(9);
    expect(snapshotName(dataset, parseSnapshotLabel(fits))).toHaveLength(255);
    expect(bookmarkName(dataset, parseBookmarkLabel(fits))).toHaveLength(255);
    refused(() => snapshotName(dataset, parseSnapshotLabel(`${fits}y`)));
    refused(() => bookmarkName(dataset, parseBookmarkLabel(`${fits}y`)));
  });
});

describe('a guid', () => {
  test('is carried exactly for each of the 64-bit numbers above 0', () => {
    fc.assert(
      fc.property(guid, (value) => {
        expect(parseGuid(value)).toBe(value);
      }),
      many,
    );
  });

  test('is refused when it is anything but digits', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        const result = attempt(() => parseGuid(text));
        if ('value' in result) expect(text).toMatch(/^[1-9][0-9]*$/);
      }),
      many,
    );
    for (const text of ['', '0', '-1', '1.0', '0x1', '1e3', '01', ' 1', '1\n', '1'.repeat(21)]) {
      refused(() => parseGuid(text));
    }
  });
});

describe('text that is shown in a message', () => {
  test('stays on one line, and plain text stays as it is', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        expect(isOneLine(refused(() => parseGuid(`x${text}`)).message)).toBe(true);
      }),
      many,
    );
    expect(shown('tank/a "b"; $c')).toBe('tank/a "b"; $c');
    expect(shown('two\nlines\0')).toBe('two\\nlines\\u0000');
  });

  test('is cut when it is long', () => {
    expect(shown('x'.repeat(400))).toBe(`${'x'.repeat(300)}…`);
  });
});
