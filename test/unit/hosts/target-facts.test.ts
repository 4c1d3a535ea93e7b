import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFacts, parseShortFacts } from '../../../src/hosts/target-facts.ts';
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

const target = parseDatasetName('tank/r/a b');
const token = '1-1379a801cc-118-789c6360640003';

type Section = 'before' | 'properties' | 'pool' | 'snapshots';

const features = [
  'feature@embedded_data\tactive',
  'feature@lz4_compress\tactive',
  'feature@zstd_compress\tenabled',
];

const facts = (changes: Partial<Record<Section, string[]>> = {}) => [
  'Last login: a banner',
  'section facts',
  ...(changes.before ?? ['self 40', 'agent 40 40', 'has zfs', 'has lzop', 'has gzip']),
  'section properties',
  ...(changes.properties ?? [
    'tank/r\ttype\tfilesystem',
    'tank/r/a b\ttype\tfilesystem',
    'tank/r/a b\treadonly\ton',
    'tank/r/a b\twritten\t0',
    'tank/r/a b\treceive_resume_token\t-',
  ]),
  'section pool',
  ...(changes.pool ?? ['guid\t77', ...features]),
  'section snapshots',
  ...(changes.snapshots ?? [
    'tank/r/a b@two\t2\t20\t0123456789',
    'tank/r/a b@one\t1\t10\t-',
    'status list 0',
  ]),
];

const withProperty = (name: string, value: string) =>
  facts().map((line) =>
    line.startsWith(`tank/r/a b\t${name}\t`) ? `tank/r/a b\t${name}\t${value}` : line,
  );

const two = parseSnapshotLabel('two');

/** The facts of an agent that was asked about `@two` alone. */
const shortFacts = (rows: readonly string[], since = '0') => [
  ...facts({ snapshots: [] }).map((line) => line.replace('section snapshots', 'section known')),
  ...rows,
  ...['section properties', ...facts().filter((line) => line.startsWith('tank/r'))],
  `tank/r/a b\twritten@two\t${since}`,
];

describe('the facts about one snapshot', () => {
  test('tell whether it is there, and what was written since', () => {
    const { glimpse, poolGuid, complaint } = parseShortFacts(
      target,
      two,
      shortFacts(['tank/r/a b@two\t2\t20\t-', 'status list 0'], '512'),
    );
    expect(glimpse).toEqual({
      type: 'filesystem',
      readonly: true,
      written: 0,
      resumeToken: undefined,
      encryption: undefined,
      named: { label: 'two', guid: '2', createtxg: 20, mark: undefined },
      writtenSince: 512,
    });
    expect({ poolGuid, complaint }).toEqual({ poolGuid: '77', complaint: undefined });
  });

  test.each([
    ['it is not there', ["cannot open 'tank/r/a b@two': dataset does not exist", 'status list 1']],
    ['another one is told of', ['tank/r/a b@three\t3\t30\t-', 'status list 0']],
    ['nothing is told', []],
  ])('tell of none where %s', (_, rows) => {
    const { glimpse } = parseShortFacts(target, two, shortFacts(rows, '-'));
    expect(glimpse).toMatchObject({ named: undefined, writtenSince: undefined });
  });

  test('never pass for a listing, nor a listing for them', () => {
    const short = shortFacts(['tank/r/a b@two\t2\t20\t-', 'status list 0']);
    expect(parseFacts(target, short).dataset?.snapshots).toEqual([]);
    expect(parseShortFacts(target, two, facts()).glimpse?.named).toBeUndefined();
  });
});

describe('the facts of a target', () => {
  const goneMeanwhile = ["cannot open 'tank/r/a b': dataset does not exist", 'status list 1'];

  test('are a complaint, not of a dataset without snapshots, where it went while it was looked at', () => {
    expect(parseFacts(target, facts({ snapshots: goneMeanwhile })).complaint).toBe(
      goneMeanwhile[0],
    );
  });

  test.each([
    ['its pool went too', { snapshots: goneMeanwhile, pool: ["cannot open 'tank': no such pool"] }],
    ['it was not there before', { snapshots: goneMeanwhile, properties: [goneMeanwhile[0] ?? ''] }],
    ['it has no snapshots', { snapshots: ['status list 0'] }],
  ])('have no such complaint where %s', (_, changes) => {
    expect(parseFacts(target, facts(changes)).complaint).toBeUndefined();
  });

  test('are what the agent printed', () => {
    expect(parseFacts(target, facts())).toEqual({
      hasZfs: true,
      decompressors: new Set(['lzop', 'gzip']),
      predecessors: [],
      poolGuid: '77',
      takesStored: true,
      parentExists: true,
      dataset: {
        type: 'filesystem',
        readonly: true,
        written: 0,
        resumeToken: undefined,
        snapshots: [
          { label: 'one', guid: '1', createtxg: 10, mark: undefined },
          { label: 'two', guid: '2', createtxg: 20, mark: '0123456789' },
        ],
      },
      below: new Map(),
      hasAside: false,
      complaint: undefined,
    });
  });

  test('name each process group of an earlier run once, and never the own one', () => {
    const before = ['self 40', 'agent 31 30', 'agent 32 30', 'agent 40 39', 'agent 41 39'];
    expect(parseFacts(target, facts({ before })).predecessors).toEqual([30]);
    const odd = [
      'self 40',
      'agent 40 40',
      'agent',
      'agent 5',
      'agent 6 0',
      'agent 7 -1',
      'agent 8 x',
    ];
    expect(parseFacts(target, facts({ before: odd })).predecessors).toEqual([]);
  });

  test('tell a target that is not there from a pool that is not', () => {
    const missing = "cannot open 'tank/r/a b': dataset does not exist";
    const snapshots = [missing, 'status list 1'];
    const noTarget = parseFacts(target, facts({ properties: [missing], snapshots }));
    expect(noTarget).toMatchObject({
      poolGuid: '77',
      parentExists: false,
      dataset: undefined,
      complaint: undefined,
    });
    const pool = ["cannot open 'tank': no such pool"];
    expect(parseFacts(target, facts({ properties: [missing], pool, snapshots }))).toMatchObject({
      poolGuid: undefined,
      dataset: undefined,
      complaint: undefined,
    });
  });

  test.each([
    ['an older OpenZFS', []],
    ['one of them disabled', features.map((line) => line.replace('enabled', 'disabled'))],
  ])('tell a pool that does not take all blocks as they are stored: %s', (_, rest) => {
    const found = parseFacts(target, facts({ pool: ['guid\t77', ...rest] }));
    expect(found).toMatchObject({ poolGuid: '77', takesStored: false });
  });

  test('tell that an old replica stands aside, and do not mind that its name would be too long', () => {
    const found = facts({ properties: ['tank/r/a b.zferry_old\ttype\tfilesystem'] });
    expect(parseFacts(target, found).hasAside).toBe(true);
    const tooLong = ["cannot open 'tank/r/a b.zferry_old': name is too long"];
    expect(parseFacts(target, facts({ properties: tooLong }))).toMatchObject({
      hasAside: false,
      complaint: undefined,
    });
  });

  test('keep what zfs or sudo complained about where they did not answer', () => {
    const said = 'sudo: a password is required';
    const silent = { properties: [said], pool: ['guid\t77'], snapshots: [said, 'status list 1'] };
    expect(parseFacts(target, facts(silent))).toMatchObject({
      dataset: undefined,
      complaint: said,
    });
    const warned = facts({ pool: ['a warning that means nothing', 'guid\t77'] });
    expect(parseFacts(target, warned).complaint).toBeUndefined();
    expect(parseFacts(target, facts({ before: ['self 40'] })).hasZfs).toBe(false);
  });

  test('keep a complaint when the snapshots were not all listed', () => {
    const snapshots = [
      'tank/r/a b@one\t1\t10\t-',
      'internal error: out of memory',
      'status list 1',
    ];
    expect(parseFacts(target, facts({ snapshots })).complaint).toBe(snapshots[1]);
  });

  test('say read-only only for the one word that means it', () => {
    for (const value of ['off', '-', '', 'ON', 'yes']) {
      expect(parseFacts(target, withProperty('readonly', value)).dataset?.readonly).toBe(false);
    }
  });

  test('say whose key the target and its parent are encrypted with, and whether it is loaded', () => {
    const of = (name: string, root: string, keystatus: string) => [
      `${name}\tencryption\taes-256-gcm`,
      `${name}\tencryptionroot\t${root}`,
      `${name}\tkeystatus\t${keystatus}`,
    ];
    const parent = target.slice(0, target.lastIndexOf('/'));
    const seen = (...rows: readonly string[]) =>
      parseFacts(target, facts({ properties: [`${target}\ttype\tfilesystem`, ...rows] }));
    const { dataset, parentEncryption } = seen(
      ...of(target, parent, 'unavailable'),
      ...of(parent, parent, 'available'),
    );
    expect(dataset?.encryption).toEqual({ root: parent, isLoaded: false });
    expect(parentEncryption).toEqual({ root: parent, isLoaded: true });
    expect(seen()).toMatchObject({ parentEncryption: undefined });
    expect(seen().dataset?.encryption).toBeUndefined();
    refused(() => seen(...of(target, '$(reboot)', 'available')), 'failed');
  });

  test('have a resume token only when it is of the form that zfs makes', () => {
    const property = 'receive_resume_token';
    expect(parseFacts(target, withProperty(property, token)).dataset?.resumeToken).toBe(token);
    for (const hostile of ['-x', '--help', '1-2-3', '1-a-b-c d', '$(id)', '1-a-b-C', `${token};`]) {
      refused(() => parseFacts(target, withProperty(property, hostile)), 'failed');
    }
  });

  test('are a failure of this cycle, not a wrong command line, when they make no sense', () => {
    refused(() => parseFacts(target, facts({ pool: ['guid\t0'] })), 'failed');
    refused(() => parseFacts(target, facts({ properties: ['tank\tguid'] })), 'failed');
    refused(() => parseFacts(target, facts({ snapshots: ['tank/r/a b@x\t0\t1'] })), 'failed');
    refused(() => parseFacts(target, facts({ snapshots: ['tank/r/a b@x;y\t1\t1'] })), 'failed');
  });

  test('come through for every name of a target and its snapshots', () => {
    const snapshots = fc.uniqueArray(fc.record({ label: snapshotLabel, guid }), {
      selector: ({ label }) => label,
      maxLength: 5,
    });
    fc.assert(
      fc.property(datasetName, snapshots, (name, expected) => {
        const lines = facts({
          properties: [`${name}\ttype\tfilesystem`],
          snapshots: expected.map((each, index) => `${name}@${each.label}\t${each.guid}\t${index}`),
        });
        const { dataset } = parseFacts(name, lines);
        expect(dataset?.snapshots.map(({ label, guid: id }) => ({ label, guid: id }))).toEqual(
          expected,
        );
      }),
      oneIn(5),
    );
  });

  test('never become anything but facts or a failure in one line, whatever the target says', () => {
    const line = fc.oneof(
      hostileText(),
      fc.constantFrom(...facts(), 'section x', 'section ', 'tank/r/a b\ttype\t', 'has constructor'),
      fc.tuple(hostileText(8), hostileText(8), hostileText(8)).map((words) => words.join('\t')),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const result = attempt(() => parseFacts(target, lines), 'failed');
        if ('value' in result) {
          const { dataset, predecessors } = result.value;
          expect(dataset?.resumeToken ?? '0').toMatch(/^[0-9a-f-]+$/);
          for (const group of predecessors) expect(group).toBeGreaterThan(0);
        }
      }),
      many,
    );
  });
});
