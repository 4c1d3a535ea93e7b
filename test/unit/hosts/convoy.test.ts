import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MemberInstruction } from '../../../src/hosts/agent-instructions.ts';
import {
  type ConvoyMember,
  convoyCommand,
  parseConvoyLine,
} from '../../../src/hosts/convoy-program.ts';
import { parseConvoyReport } from '../../../src/hosts/convoy-report.ts';
import { countedWords, firstWords } from '../../../src/hosts/first-words.ts';
import { parseDatasetName, parseGuid, parseSnapshotLabel } from '../../../src/zfs/names.ts';

const root = parseDatasetName('tank/vm');
const child = parseDatasetName('tank/vm/a b');

const instruction = (guid: string, ...prune: MemberInstruction['prune']): MemberInstruction => ({
  ...{ mode: 'incremental', keeps: [] },
  guid: parseGuid(guid),
  label: parseSnapshotLabel('two words'),
  prune,
});

const member = (
  target: ConvoyMember['target'],
  guid: string,
  send: ConvoyMember['send'],
): ConvoyMember => ({ target, instruction: instruction(guid), send });

/** What stands for zfs, and its parameters. */
const asTold = ([file = 'true', ...words]: readonly string[]) => [file, ...words] as const;

const ran = (...members: readonly ConvoyMember[]) => {
  const [file, ...words] = convoyCommand(root, members, asTold);
  const { status, stdout, stderr } = spawnSync(file, words, { encoding: 'utf8' });
  return { status, stdout, said: stderr.split('\n').filter(Boolean) };
};

describe('the sending program of a convoy', () => {
  test('writes each stream behind its two lines, and says how each ended', () => {
    expect(
      ran(
        member(root, '1', ['printf', '%s', 'stream one']),
        member(child, '2', ['sh', '-c', 'echo complaint >&2; printf two']),
      ),
    ).toEqual({
      status: 0,
      stdout: '.\nincremental/1/two words\nstream one./a b\nincremental/2/two words\ntwo',
      said: [
        ...['zferry-member .', 'zferry-sent 0'],
        ...['zferry-member ./a b', 'complaint', 'zferry-sent 0'],
      ],
    });
  });

  test('ends with the first stream that fails: nobody could tell where the next begins', () => {
    const result = ran(
      member(root, '1', ['sh', '-c', 'exit 3']),
      member(child, '2', ['printf', 'never']),
    );
    expect(result).toMatchObject({ status: 3, said: ['zferry-member .', 'zferry-sent 3'] });
    expect(result.stdout).not.toContain('never');
  });
});

test('a program runs the first of its words, exactly as they are', () => {
  const program = `count=$1; shift; ${firstWords}; eval "$command"; shift $count; printf "|%s" "$@"`;
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom("'", '"', '$(id)', '`id`', '\\', '!', '*', ''),
  );
  // execve(2) takes no NUL
  const words = fc.array(
    word.filter((text) => !text.includes('\0')),
    { minLength: 1, maxLength: 12 },
  );
  fc.assert(
    fc.property(words, (texts) => {
      const all = [...countedWords(['printf', '[%s]', ...texts]), 'rest'];
      const { stdout } = spawnSync('sh', ['-c', program, 'test', ...all], { encoding: 'utf8' });
      expect(stdout).toBe(`${texts.map((text) => `[${text}]`).join('')}|rest`);
    }),
    { numRuns: 60 },
  );
});

test('a line is of the program, or it is of zfs', () => {
  expect(parseConvoyLine('zferry-member ./a b')).toEqual({ kind: 'member', name: './a b' });
  expect(parseConvoyLine('zferry-sent 1')).toEqual({ kind: 'sent', status: 1 });
  expect(parseConvoyLine('cannot send: zferry-sent 0')).toBeUndefined();
});

describe('the report of a convoy', () => {
  const lines = [
    'section convoy',
    'into .',
    'received 12.3K stream in 0.01 seconds (1M/sec)',
    'status receive 0',
    'into ./a b',
    'cannot receive incremental stream: no',
    'status decompress 141',
    'status receive 1',
    'into',
    'section after',
    'filesystem\t10\ttank/vm\ton\t-',
    'snapshot\t1\ttank/vm@two words\t-\t-',
    'filesystem\t11\ttank/vm/a b\ton\t1-2-3-4',
    'into .',
    'section prune',
    'pruned 0/old/',
    'into ./a b',
    'section prune',
    'section others',
    'snapshot\t7\ttank/vm/a b@else',
    'status others 0',
    'end leg',
    'end convoy',
  ];

  test('tells of each member what a receive of its own would tell', () => {
    const { streams, decompressStatus, complete } = parseConvoyReport(root, lines);
    expect({ decompressStatus, complete }).toEqual({ decompressStatus: 141, complete: true });
    expect(streams).toHaveLength(2);
    expect(streams[0]).toMatchObject({
      receiveStatus: 0,
      snapshots: new Map([['two words', '1']]),
      readonly: true,
      pruned: [{ label: 'old', error: undefined }],
      seen: true,
    });
    expect(streams[1]).toMatchObject({
      receiveStatus: 1,
      said: ['cannot receive incremental stream: no'],
      snapshots: new Map(),
      others: new Map([['else', '7']]),
      resumeToken: '1-2-3-4',
    });
  });

  test('tells several streams of one dataset apart', () => {
    const steps = [
      'section convoy',
      'into .',
      'received 12.3K stream in 0.01 seconds (1M/sec)',
      'status receive 0',
      'into .',
      'cannot receive incremental stream: no',
      'status receive 1',
      'into',
      'section after',
      'filesystem\t10\ttank/vm\ton\t1-2-3-4',
      'snapshot\t1\ttank/vm@one\t-\t-',
      'into .',
      'section prune',
      'into .',
      'section prune',
      'section others',
      'snapshot\t1\ttank/vm@one',
      'status others 0',
      'end leg',
      'end convoy',
    ];
    const { streams } = parseConvoyReport(root, steps);
    expect(streams.map(({ receiveStatus }) => receiveStatus)).toEqual([0, 1]);
    expect(streams[0]).toMatchObject({ others: undefined, said: [expect.stringMatching(/^rec/)] });
    expect(streams[1]?.others).toEqual(new Map([['one', '1']]));
  });

  const secondLeg = [
    'into .',
    'cannot receive incremental stream: no',
    'status receive 1',
    'into',
    'section after',
    'filesystem\t10\ttank/vm\ton\t5-6-7-8',
    'into .',
    'section prune',
    'section others',
    'status others 0',
    'end leg',
  ];

  test('tells what the target had when it was done with a stream, whatever became of the same dataset later', () => {
    const { streams } = parseConvoyReport(root, [...lines.slice(0, -1), ...secondLeg]);
    expect(streams.map(({ resumeToken, complete }) => ({ resumeToken, complete }))).toEqual([
      { resumeToken: undefined, complete: true },
      { resumeToken: '1-2-3-4', complete: true },
      { resumeToken: '5-6-7-8', complete: true },
    ]);
    expect(streams[2]?.pruned).toEqual([]);
  });

  test('that broke off anywhere claims no member to have arrived but those whose leg had ended', () => {
    const both = [...lines.slice(0, -1), ...secondLeg];
    for (let kept = 0; kept < both.length; kept += 1) {
      const { streams, complete } = parseConvoyReport(root, both.slice(0, kept));
      expect(complete).toBe(false);
      const isFirstEnded = kept >= lines.length - 1;
      for (const [index, report] of streams.entries()) {
        expect(report.seen).toBe(isFirstEnded && index < 2);
      }
    }
  });
});
