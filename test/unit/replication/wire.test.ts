import { beforeEach, describe, expect, test } from 'vitest';
import { isInstalled } from '../../../src/hosts/environment.ts';
import { parseSource } from '../../../src/hosts/place.ts';
import { chooseWire, fitted, goesAsStored } from '../../../src/replication/wire.ts';
import { facts, listing, request, source } from '../support/pair.ts';
import { install } from '../support/programs.ts';
import { refused } from '../support/refused.ts';

beforeEach(() => install('lz4'));

const choose = (wanted: 'lz4' | 'none' | 'auto', named: boolean, there: readonly 'lz4'[]) =>
  chooseWire(
    request({ compression: { wanted, named } }),
    facts(undefined, { decompressors: new Set(there) }),
    { has: isInstalled },
  );

describe('the compressor of a cycle', () => {
  test('is the wanted one when both hosts have it', () => {
    expect(choose('lz4', false, ['lz4'])).toMatchObject({ compression: 'lz4', note: undefined });
  });

  test('is none when none is wanted, without a word', () => {
    expect(choose('none', true, [])).toMatchObject({ compression: 'none', note: undefined });
  });

  test('gives way to none with a note when it is only the default', () => {
    expect(choose('lz4', false, [])).toMatchObject({
      compression: 'none',
      note: 'not compressed: no lz4 on backup',
    });
  });

  test('is a wrong command line when it was named and is missing', () => {
    const error = refused(() => choose('lz4', true, []));
    expect(error.message).toBe('lz4 is not installed on backup');
    expect(error.hint).toContain('--compress none');
  });
});

test('auto compresses nothing on the way from this host to itself', () => {
  const asked = request({
    pair: { source, target: parseSource('usb/vm') },
    compression: { wanted: 'auto', named: true },
  });
  const there = facts(undefined, { decompressors: new Set(['lz4']) });
  const wire = chooseWire(asked, there, { has: isInstalled });
  const data = (compression: string) => listing([], [], { compression, ratio: 2 });
  expect(fitted(wire, asked, data('off'), { asStored: false, raw: false })).toMatchObject({
    compression: 'none',
    note: 'auto: not compressed: both are on this host',
  });
  expect(
    fitted(wire, { ...asked, rate: 1_000 }, data('lz4'), { asStored: true, raw: false }),
  ).toMatchObject({
    compression: 'none',
    note: 'auto: sent as stored (lz4, 2.00x)',
  });
});

describe('auto', () => {
  const asked = (rate?: number) => request({ compression: { wanted: 'auto', named: true }, rate });
  const stored = (compression: string, ratio: number) => listing([], [], { compression, ratio });

  test('proposes what both hosts have, and none where there is none', () => {
    expect(choose('auto', true, ['lz4']).compression).toBe('lz4');
    expect(choose('auto', true, []).compression).toBe('none');
  });

  test.each([
    ['lz4', true, true],
    ['on', true, true],
    ['zstd-3', true, true],
    ['lz4', false, false],
    ['off', true, false],
    ['zle', true, false],
  ])(
    'sends blocks of compression=%s to a pool that takes them (%s): %s',
    (compression, takesStored, goes) => {
      const target = facts(undefined, { takesStored });
      expect(goesAsStored(asked(), stored(compression, 2), target)).toBe(goes);
      expect(goesAsStored(request(), stored(compression, 2), target)).toBe(false);
    },
  );

  test.each([
    // compression, ratio, as stored, rate; then compressor and note
    ['lz4', 1.85, true, undefined, 'none', 'sent as stored (lz4, 1.85x)'],
    ['lz4', 1, true, undefined, 'none', 'sent as stored (lz4, 1.00x)'],
    ['lz4', 1.85, true, 5e6, 'zstd', 'sent as stored (lz4, 1.85x) through zstd'],
    ['lz4', 1, true, 5e6, 'none', 'sent as stored (lz4, 1.00x)'],
    ['gzip-9', 2.5, true, 5e6, 'none', 'sent as stored (gzip-9, 2.50x)'],
    ['lz4', 1.85, false, undefined, 'zstd', 'zstd'],
    ['lz4', 1, false, undefined, 'none', 'not compressed: the data gets no smaller (lz4, 1.00x)'],
    ['off', 1, false, undefined, 'zstd', 'zstd'],
    ['zle', 1, false, undefined, 'zstd', 'zstd'],
  ] as const)(
    'of compression=%s, %dx, as stored %s, with rate %s is %s: %s',
    (compression, ratio, asStored, rate, compressor, note) => {
      const wire = { compression: 'zstd', note: undefined, limiter: undefined } as const;
      const source = stored(compression, ratio);
      expect(fitted(wire, asked(rate), source, { asStored, raw: false })).toEqual({
        ...{ compression: compressor, note: `auto: ${note}`, limiter: undefined },
      });
    },
  );

  test('says that there is no compressor where one would be of use', () => {
    const wire = { compression: 'none', note: undefined, limiter: undefined } as const;
    expect(fitted(wire, asked(), stored('off', 1), { asStored: false, raw: false }).note).toBe(
      'auto: not compressed: no compressor that both hosts have',
    );
  });

  test('changes nothing where a compressor was named', () => {
    const wire = { compression: 'lzop', note: undefined, limiter: undefined } as const;
    expect(fitted(wire, request(), stored('lz4', 2), { asStored: true, raw: false })).toBe(wire);
  });

  test('leaves the usual compressor away from what is encrypted, whatever is missing', () => {
    const raw = { asStored: true, raw: true };
    for (const note of [undefined, 'not compressed: no lzop on backup']) {
      const wire = { compression: 'lzop', note, limiter: undefined } as const;
      expect(fitted(wire, request(), stored('lz4', 2), raw)).toEqual({
        ...{ compression: 'none', note: undefined, limiter: undefined },
      });
    }
    const best = { compression: 'zstd', note: undefined, limiter: undefined } as const;
    expect(fitted(best, asked(1_000), stored('off', 1), raw)).toEqual({
      ...{ compression: 'none', note: 'auto: sent raw (encrypted)', limiter: undefined },
    });
  });

  test('puts a compressor that was named even behind a raw stream', () => {
    const wire = { compression: 'gzip', note: undefined, limiter: undefined } as const;
    const named = request({ compression: { wanted: 'gzip', named: true } });
    expect(fitted(wire, named, stored('lz4', 2), { asStored: true, raw: true })).toBe(wire);
  });
});
