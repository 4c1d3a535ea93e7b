import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MemberInstruction } from '../../../src/hosts/agent-instructions.ts';
import { beatProgram } from '../../../src/hosts/agent-program.ts';
import { convoyInput } from '../../../src/hosts/convoy-program.ts';
import { answersIn } from '../../../src/hosts/gathered-zfs.ts';
import {
  askProgram,
  convoyProgram,
  eachProgram,
  sendProgram,
  sourceGreeting,
} from '../../../src/hosts/source-program.ts';
import { parseDatasetName, parseGuid } from '../../../src/zfs/names.ts';
import { datasetName, oneIn, snapshotLabel } from '../support/arbitraries.ts';
import { posixShells, runIn } from '../support/shells.ts';

const key = '00112233445566ff';
const programs = [
  ['one command', askProgram],
  ['many commands', eachProgram],
  ['a stream', sendProgram(key)],
  ['a convoy', convoyProgram(key)],
] as const;

describe.each(programs)('the program of a source for %s', (_, program) => {
  test('has nothing but ASCII and tabs, and nothing that a login shell would change', () => {
    expect(program).toMatch(/^[\t\x20-\x7e]+$/);
    expect(program).not.toMatch(/['\\!]/);
  });

  test.each(posixShells)('is one that %s can parse', (shell) => {
    expect(runIn('sh', `${shell} -n -c '${program}'`)).toMatchObject({ status: 0, stderr: '' });
  });
});

/** Shows its words, each in brackets, and fails where the last one says so. */
const fakeZfs = `#!/bin/sh
printf '[%s]' "$@"
for last in "$@"; do :; done
case $last in *@fails) echo complaint >&2; exit 3;; esac
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zferry-source-'));
  writeFileSync(join(folder, 'zfs'), fakeZfs, { mode: 0o755 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const runs = (shell: string, program: string, parameters: readonly string[], input = '') => {
  const { status, stdout, stderr } = spawnSync(
    shell,
    ['-c', program, 'zferry-source', ...parameters],
    { encoding: 'utf8', input, env: { ...env, PATH: `${folder}:${env['PATH']}` } },
  );
  return { status, stdout, said: stderr.split('\n').filter(Boolean) };
};

const root = parseDatasetName('tank/vm');
const instructed = (label: MemberInstruction['label']): MemberInstruction => ({
  ...{ mode: 'incremental', keeps: [], prune: [] },
  ...{ label, guid: parseGuid('7') },
});

describe('the streams of a convoy', () => {
  const stream = (path: string, label: string) => ({
    target: parseDatasetName(`${root}${path}`),
    instruction: instructed(label as MemberInstruction['label']),
    send: ['send', '-i', '#a b', `tank/vm${path}@${label}`],
  });
  const words = ['', 'none', beatProgram(20), ''];

  test.each(posixShells)('stand behind their lines, in %s', (shell) => {
    const members = [stream('', 'two words'), stream('/a b', 'x')];
    expect(runs(shell, convoyProgram(key), words, convoyInput(root, members))).toEqual({
      status: 0,
      stdout:
        '.\nincremental/7/two words\n[send][-i][#a b][tank/vm@two words]./a b\nincremental/7/x\n[send][-i][#a b][tank/vm/a b@x]',
      said: [
        sourceGreeting,
        ...['zferry-member .', 'zferry-sent 0', 'zferry-member ./a b', 'zferry-sent 0'],
        ...['status send 0', 'end send'],
      ],
    });
  });

  test('end with the first that fails, behind the mark where there is one', () => {
    const members = [stream('', 'fails'), stream('/a', 'x')];
    const marked = ['', 'none', beatProgram(20), 'MARK'];
    const result = runs('sh', convoyProgram(key), marked, convoyInput(root, members));
    expect(result.stdout).toBe('\nMARK\n.\nincremental/7/fails\n[send][-i][#a b][tank/vm@fails]');
    expect(result.said.slice(1)).toEqual([
      ...['zferry-member .', 'complaint', 'zferry-sent 3', 'status send 3', 'end send'],
    ]);
  });

  test('are not begun where their lines broke off', () => {
    const input = convoyInput(root, [stream('', 'one'), stream('/a', 'two')]).slice(0, -1);
    const { stdout } = runs('sh', convoyProgram(key), words, input);
    expect(stdout).not.toContain('two]');
  });

  test('have whatever names ZFS allows', () => {
    fc.assert(
      fc.property(datasetName, snapshotLabel, (dataset, label) => {
        const send = ['send', `${dataset}@${label}`];
        const input = convoyInput(dataset, [
          { target: dataset, instruction: instructed(label), send },
        ]);
        const { stdout } = runs('sh', convoyProgram(key), words, input);
        expect(stdout).toMatch(/^\.\n/);
        expect(
          stdout.endsWith(`incremental/7/${label}\n[send][${dataset}@${label}]`) ||
            label === 'fails',
        ).toBe(true);
      }),
      oneIn(200),
    );
  });
});

test.each(posixShells)('many commands are answered one by one, in %s', (shell) => {
  const lines = [
    'destroy\ttank/a b@x',
    'set\tzferry:target.1=a  b\ttank/vm',
    'destroy\ttank@fails',
  ];
  const { stdout } = runs(shell, eachProgram, ['', ...lines]);
  const [, ...behind] = stdout.split(`${sourceGreeting}\n`);
  expect(answersIn(behind.join(''))).toEqual([
    { exitCode: 0, stdout: '', stderr: '[destroy][tank/a b@x]' },
    { exitCode: 0, stdout: '', stderr: '[set][zferry:target.1=a  b][tank/vm]' },
    { exitCode: 3, stdout: '', stderr: '[destroy][tank@fails]complaint' },
  ]);
});
