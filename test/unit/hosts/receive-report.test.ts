import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseReceiveReport } from '../../../src/hosts/receive-report.ts';
import { parseDatasetName } from '../../../src/zfs/names.ts';
import {
  datasetName,
  guid,
  hostileText,
  many,
  oneIn,
  snapshotLabel,
} from '../support/arbitraries.ts';

const target = parseDatasetName('tank/r/a b');
const token = '1-1379a801cc-118-789c6360640003';

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
