import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseAction,
  parseFacts,
  parseReceiveReport,
  parseShortFacts,
  parseSought,
} from '../../../src/hosts/agent-report.ts';
import { parseDatasetName, parseGuid, parseSnapshotLabel } from '../../../src/zfs/names.ts';
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

const report = [
  'section receive',
  'receiving incremental stream of tank/vm@new into tank/r/a b@new',
  'beat 00:00:01 00:00:00',
  'received 12.3M stream in 2.10 seconds (5.86M/sec)',
  'status receive 0',
  'status decompress 0',
  'section after',
  'filesystem\t79\ttank/r/a b\ton\t-',
  'snapshot\t900\ttank/r/a b@new\t-\t-',
  'snapshot\t1\ttank/r/a b@one\t-\t-',
  'section prune',
  'pruned 0/one/',
  "pruned 1/two/cannot destroy 'tank/r/a b@two': dataset is busy",
  'pruned 1/three/',
  'end receive',
];

describe('the report of a receive', () => {
  test('is what the agent printed', () => {
    expect(parseReceiveReport(target, report)).toEqual({
      decompressStatus: 0,
      receiveStatus: 0,
      said: [report[1], report[3]],
      bytes: 12_897_485,
      snapshots: new Map([
        ['new', '900'],
        ['one', '1'],
      ]),
      others: undefined,
      seen: true,
      readonly: true,
      resumeToken: undefined,
      pruned: [
        { label: 'one', error: undefined },
        { label: 'two', error: "cannot destroy 'tank/r/a b@two': dataset is busy" },
        { label: 'three', error: 'zfs destroy ended with 1' },
      ],
      complete: true,
    });
  });

  test.each([
    ['received 312B stream in 1 seconds (312B/sec)', 312],
    ['received 1K stream in 1.00 seconds (1K/sec)', 1_024],
    ['received 1.50G stream in 1.00 seconds (1K/sec)', 1_610_612_736],
    ['received 5 stream in 1.00 seconds', 5],
    ['received many stream in 1.00 seconds', undefined],
    ['received 1.2.3M stream in 1.00 seconds', undefined],
    [`received ${'9'.repeat(400)}E stream in 1.00 seconds`, undefined],
  ])('reads the size in %j', (line, bytes) => {
    expect(parseReceiveReport(target, ['section receive', line]).bytes).toBe(bytes);
  });

  test('has the token of what was only partly received', () => {
    const lines = report.with(7, `filesystem\t79\ttank/r/a b\ton\t${token}`);
    expect(parseReceiveReport(target, lines).resumeToken).toBe(token);
  });

  test('has all snapshots where the sent one is not there by its name, and only when all were told', () => {
    const told = [
      ...report.slice(0, -5),
      'section others',
      'snapshot\t1\ttank/r/a b@one',
      'snapshot\t900\ttank/r/a b@renamed',
      'status others 0',
      'end receive',
    ];
    const others = (lines: readonly string[]) => parseReceiveReport(target, lines).others;
    expect(others(told)).toEqual(
      new Map([
        ['one', '1'],
        ['renamed', '900'],
      ]),
    );
    expect(others(told.with(-2, 'status others 1'))).toBeUndefined();
    expect(others(told.slice(0, -1))).toBeUndefined();
  });

  test('with a token that zfs never made has none, and is not taken for what there is', () => {
    const lines = report.with(7, 'filesystem\t79\ttank/r/a b\ton\t$(id)');
    expect(parseReceiveReport(target, lines)).toMatchObject({
      resumeToken: undefined,
      seen: false,
      complete: true,
    });
  });

  test('does not take the read-only of another dataset, or of a snapshot, for that of the target', () => {
    const other = report.with(7, 'filesystem\t79\ttank/r/a\ton\t-');
    expect(parseReceiveReport(target, other).readonly).toBe(false);
    const snapshot = report.with(7, 'snapshot\t79\ttank/r/a b\ton\t-');
    expect(parseReceiveReport(target, snapshot).readonly).toBe(false);
  });

  test('that breaks off anywhere is read without an error, and never as complete', () => {
    const text = report.with(7, `filesystem\t79\ttank/r/a b\ton\t${token}`).join('\n');
    for (let length = 0; length < text.length; length += 1) {
      const read = parseReceiveReport(target, text.slice(0, length).split('\n'));
      expect(read.complete).toBe(false);
      expect([0, undefined]).toContain(read.receiveStatus);
      if (length < text.indexOf('status receive 0')) expect(read.receiveStatus).toBeUndefined();
    }
  });

  test('with half a status has none', () => {
    for (const line of ['status receive', 'status receive ', 'status receive x']) {
      expect(parseReceiveReport(target, ['section receive', line]).receiveStatus).toBeUndefined();
    }
  });

  test('is read without an error, whatever the target says, and has no number that is none', () => {
    const line = fc.oneof(
      hostileText(),
      hostileText().map((text) => `filesystem\t79\ttank/r/a b\ton\t${text}`),
      hostileText().map((text) => `received ${text}M stream`),
      fc.constantFrom(...report, 'status receive 1'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 15 }), (lines) => {
        const read = parseReceiveReport(target, lines);
        expect(read.complete).toBe(lines.includes('end receive'));
        expect(Number.isFinite(read.bytes ?? 0)).toBe(true);
        expect(read.resumeToken ?? '0').toMatch(/^[0-9a-f-]+$/);
      }),
      many,
    );
  });

  test('knows the new snapshot under every name by its guid', () => {
    fc.assert(
      fc.property(datasetName, snapshotLabel, guid, (name, label, id) => {
        const lines = ['section after', `snapshot\t${id}\t${name}@${label}\t-\t-`, 'end receive'];
        expect(parseReceiveReport(name, lines).snapshots.get(label)).toBe(id);
      }),
      oneIn(5),
    );
  });
});

test('what is sought is found by its guid, and what is no name is nowhere', () => {
  const wanted = parseGuid('7');
  const said = (...lines: readonly string[]) =>
    parseSought(wanted, ['section seek', ...lines, 'end seek']);
  expect(said('7\ttank/a b@v 1', '7\tpool/c@v1')).toEqual(['tank/a b@v 1', 'pool/c@v1']);
  expect(said()).toEqual([]);
  for (const line of ['77\ttank/a@v', '7\ttank/a', '7\t-r@v', '7\ta@b@c', '7 tank/a@v', '']) {
    expect(said(line)).toEqual([]);
  }
  fc.assert(
    fc.property(hostileText(), (text) => {
      for (const name of said(`7\t${text}`))
        expect(name).toMatch(/^[\w:. -]+(\/[\w:. -]+)*@[\w:. -]+$/);
    }),
    many,
  );
});

describe('the answer to an action', () => {
  test('is nothing when it was done', () => {
    expect(parseAction('abort', ['section abort', 'status abort 0', 'self 4'])).toBeUndefined();
    expect(parseAction('rollback', ['section rollback', 'status rollback 0'])).toBeUndefined();
  });

  test('is the first that zfs said, or that it failed', () => {
    const said = "cannot abort: 'tank/r' does not have any resumable receive state to abort";
    expect(parseAction('abort', ['section abort', said, 'status abort 1'])).toBe(said);
    const advice = ["use '-R' to force deletion of the following clones", 'tank/clone'];
    const lines = ['section rollback', 'cannot roll back', ...advice, 'status rollback 1'];
    expect(parseAction('rollback', lines)).toBe('cannot roll back');
    expect(parseAction('abort', ['section abort'])).toBe('zfs receive -A failed');
    expect(parseAction('rollback', ['section rollback', 'status rollback 1'])).toBe(
      'zfs rollback failed',
    );
    expect(parseAction('rollback', [])).toBe('zfs rollback failed');
    expect(parseAction('abort', ['section abort', 'status abort '])).toBeDefined();
  });

  test('is not that of another action', () => {
    expect(parseAction('rollback', ['section abort', 'status abort 0'])).toBeDefined();
  });
});
