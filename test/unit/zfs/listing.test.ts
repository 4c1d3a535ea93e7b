import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseProperties,
  parseSnapshots,
  parseSourceGlimpse,
  parseSourceListing,
  snapshotListingArguments,
  sourceGlimpseArguments,
  sourceListingArguments,
} from '../../../src/zfs/listing.ts';
import { parseDatasetName, parseSnapshotLabel } from '../../../src/zfs/names.ts';
import {
  datasetName,
  guid,
  hostileText,
  many,
  oneIn,
  snapshotLabel,
} from '../support/arbitraries.ts';
import { attempt, refused } from '../support/refused.ts';

const tank = parseDatasetName('tank/vm');
const head = 'filesystem\t11\t1\toff\t-\t-\t-\tlz4\t1.85\t-\t-\t-\ttank/vm';

const createtxg = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const mark = fc.constantFrom(undefined, 'large-blocks', '0123456789');
const record = fc.record({ label: snapshotLabel, guid, createtxg, mark });

describe('the arguments of the listing', () => {
  test('ask for one level only, with the name last, and name the dataset at the very end', () => {
    const words = sourceListingArguments(tank, ['zferry:a', 'zferry:b']);
    expect(words.slice(0, 4)).toEqual(['list', '-Hp', '-d', '1']);
    expect(words.slice(-3)).toEqual([
      '-o',
      'type,guid,createtxg,encryption,encryptionroot,keystatus,origin,compression,refcompressratio,zferry:a,zferry:b,zferry:for,name',
      'tank/vm',
    ]);
  });
});

describe('a glimpse of a source', () => {
  const label = parseSnapshotLabel('2026-11-20 08:05:00');
  const row = (since: string) => head.replace('\t-\ttank', `\t${since}\ttank`);
  const kid = `${head.replace('\t-\ttank', '\t7\ttank')}/kid`;
  const own = 'bookmark\t5\t9\t-\t-\t-\t-\t-\t-\t-\t-\t-\ttank/vm#b';

  test('asks for no snapshot', () => {
    const words = sourceGlimpseArguments(tank, ['zferry:a', 'zferry:b'], label);
    expect(words).toContain('filesystem,volume,bookmark');
    expect(words.at(-2)).toContain(`zferry:b,written@${label},name`);
  });

  test('tells whether the snapshot of that name is there, of no other dataset', () => {
    const seen = (since: string) => parseSourceGlimpse(tank, [row(since), own, kid].join('\n'));
    expect(seen('0')).toMatchObject({
      hasNamed: true,
      compression: 'lz4',
      bookmarks: [{ label: 'b', guid: '5', createtxg: 9 }],
    });
    expect(seen('4096').hasNamed).toBe(true);
    expect(seen('-').hasNamed).toBe(false);
    expect(seen('0')).not.toHaveProperty('snapshots');
  });

  test('is refused where it does not tell of the dataset', () => {
    expect(refused(() => parseSourceGlimpse(tank, own), 'failed').message).toMatch(/^cannot read/);
  });

  test('a snapshot alone is asked for by its name', () => {
    expect(snapshotListingArguments(tank, label).at(-1)).toBe(`tank/vm@${label}`);
  });
});

describe('the listing of a source', () => {
  test('gives back every snapshot and bookmark that zfs printed, oldest first', () => {
    fc.assert(
      fc.property(
        datasetName,
        fc.array(record, { maxLength: 8 }),
        fc.array(record, { maxLength: 4 }),
        (dataset, snapshots, bookmarks) => {
          const output = [
            `filesystem\t1\t1\toff\t-\t-\t-\toff\t1.00\t-\t-\t-\t${dataset}`,
            ...snapshots.map(
              (each) =>
                `snapshot\t${each.guid}\t${each.createtxg}\toff\t-\t-\t-\t-\t1.00\t-\t-\t${each.mark ?? '-'}\t${dataset}@${each.label}`,
            ),
            ...bookmarks.map(
              (each) =>
                `bookmark\t${each.guid}\t${each.createtxg}\t-\t-\t-\t-\t-\t-\t-\t-\t-\t${dataset}#${each.label}`,
            ),
          ].join('\n');
          const listing = parseSourceListing(dataset, output);
          const byAge = (a: { createtxg: number }, b: { createtxg: number }) =>
            a.createtxg - b.createtxg;
          expect(listing.snapshots).toEqual(snapshots.toSorted(byAge));
          expect(listing.bookmarks).toEqual(
            bookmarks.map(({ mark: _, ...rest }) => rest).toSorted(byAge),
          );
        },
      ),
      oneIn(5),
    );
  });

  test('orders by createtxg as a number, never by the name or the order of the lines', () => {
    const output = [
      head,
      'snapshot\t1\t100\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@a',
      'snapshot\t2\t99\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@z',
      'snapshot\t3\t9\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@m',
    ].join('\n');
    const { snapshots } = parseSourceListing(tank, output);
    expect(snapshots.map(({ label }) => label)).toEqual(['m', 'z', 'a']);
  });

  test('leaves out child datasets', () => {
    const output = `${head}\nfilesystem\t12\t2\toff\t-\t-\t-\tlz4\t1.00\t-\t-\t-\ttank/vm/child\n`;
    expect(parseSourceListing(tank, output).snapshots).toEqual([]);
  });

  test.each([
    ['off\t-\t-', undefined],
    ['-\t-\t-', undefined],
    ['\t\t', undefined],
    ['on\ttank\tavailable', { root: 'tank', isLoaded: true }],
    ['aes-256-gcm\ttank/vm\tunavailable', { root: 'tank/vm', isLoaded: false }],
    ['aes-256-gcm\ttank/vm\t-', { root: 'tank/vm', isLoaded: false }],
  ])('with encryption, its root and its key as %j is encrypted by %j', (columns, encryption) => {
    const output = `filesystem\t11\t1\t${columns}\ttank/a@b\tlz4\t1.00\tx\t-\t-\ttank/vm`;
    expect(parseSourceListing(tank, output)).toMatchObject({
      encryption,
      origin: 'tank/a@b',
      properties: ['x', undefined],
    });
  });

  test.each(['much', '-', '0.99', ''])('is read without a ratio that makes sense (%j)', (ratio) => {
    expect(parseSourceListing(tank, head.replace('1.85', ratio))).toMatchObject({ ratio: 1 });
  });

  test.each(['1.85', '1.85x'])('says how it is stored, with a ratio of %s', (ratio) => {
    expect(parseSourceListing(tank, head.replace('1.85', ratio))).toMatchObject({
      compression: 'lz4',
      ratio: 1.85,
    });
  });

  test('tells a volume from a filesystem, and a property that is set from one that is not', () => {
    const output = 'volume\t11\t1\toff\t-\t-\t-\tlz4\t1.00\t-\tx\t-\ttank/vm\n';
    expect(parseSourceListing(tank, output)).toMatchObject({
      type: 'volume',
      properties: [undefined, 'x'],
    });
  });

  test.each([
    ['nothing', ''],
    ['only a child', 'filesystem\t12\t2\toff\t-\t-\t-\tlz4\t1.00\t-\t-\t-\ttank/vm/child'],
    ['an unknown type', `${head}\nthing\t1\t1\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@x`],
    ['a guid that is none', `${head}\nsnapshot\t-\t1\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@x`],
    [
      'a createtxg that is none',
      `${head}\nsnapshot\t1\t1e3\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@x`,
    ],
    [
      'a createtxg beyond exact numbers',
      `${head}\nsnapshot\t1\t9007199254740993\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\tt@x`,
    ],
    ['a line that breaks off', `${head}\nsnapshot\t1\t1\toff`],
    // Only a channel program (zfs-program(8)) can make one, and `zfs destroy` would read it as a range
    [
      'a percent sign in a name',
      `${head}\nsnapshot\t1\t1\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@a%b`,
    ],
    ['a key of no dataset', 'filesystem\t1\t1\ton\t$(x)\t-\t-\tlz4\t1.00\t-\t-\t-\ttank/vm'],
    [
      'a hostile name',
      `${head}\nsnapshot\t1\t1\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@$(reboot)`,
    ],
  ])('is a failure, not an empty answer, when zfs printed %s', (_what, output) => {
    expect(refused(() => parseSourceListing(tank, output), 'failed').message).toContain(
      'cannot read what zfs list printed',
    );
  });

  test('that cannot be read for a name says which', () => {
    const output = `${head}\nsnapshot\t1\t1\toff\t-\t-\t-\t-\t1.00\t-\t-\t-\ttank/vm@a%b`;
    expect(refused(() => parseSourceListing(tank, output), 'failed').message).toMatch(
      /tank\/vm@a%b': the snapshot name 'a%b' has a character that ZFS does not allow/,
    );
  });

  test('never throws anything but a failure in one line', () => {
    fc.assert(
      fc.property(hostileText(200), (text) => {
        const result = attempt(() => parseSourceListing(tank, `${head}\n${text}`), 'failed');
        if ('value' in result) expect(text.replaceAll('\n', '')).toBe('');
      }),
      many,
    );
  });
});

describe('the snapshots that a target lists', () => {
  test('come back exactly, oldest first', () => {
    fc.assert(
      fc.property(datasetName, fc.array(record, { maxLength: 8 }), (dataset, snapshots) => {
        const rows = snapshots.map(
          (each) =>
            `${dataset}@${each.label}\t${each.guid}\t${each.createtxg}\t${each.mark ?? '-'}`,
        );
        expect(parseSnapshots(rows)).toEqual(
          snapshots.toSorted((a, b) => a.createtxg - b.createtxg),
        );
      }),
      oneIn(5),
    );
  });

  test('are a failure in one line when a row is not of that form', () => {
    for (const row of ['', 'x', 'tank@a\t1', 'tank@a\t0\t5', 'tank@a;b\t1\t5', 'tank@a\t1\t-5']) {
      refused(() => parseSnapshots([row]), 'failed');
    }
  });
});

describe('properties', () => {
  test('are found by dataset and name, with the value as it was printed', () => {
    const properties = parseProperties(['tank\tguid\t5', 'tank/a b\treadonly\ton', 'tank\tx\t']);
    expect(properties.get('tank')?.get('guid')).toBe('5');
    expect(properties.get('tank/a b')?.get('readonly')).toBe('on');
    expect(properties.get('tank')?.get('x')).toBe('');
    expect(properties.get('tank/other')).toBeUndefined();
  });

  test('are a failure when a row breaks off', () => {
    refused(() => parseProperties(['tank\tguid']), 'failed');
  });
});
