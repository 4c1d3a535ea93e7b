import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { agentProgram, beatProgram } from '../../../src/hosts/agent-program.ts';
import { channelProgram } from '../../../src/hosts/channel-program.ts';
import { streamsPerLeg } from '../../../src/hosts/convoy-agent.ts';
import { parseConvoyReport } from '../../../src/hosts/convoy-report.ts';
import { parseDatasetName } from '../../../src/zfs/names.ts';
import { posixShells } from '../support/shells.ts';

const root = parseDatasetName('tank/vm');
const child = parseDatasetName('tank/vm/a b');

/** Stands where zfs would: all that it is to list is there with guid 1, a stream is one line, what is called held stays. */
const standIn = `#!/bin/sh
command=$1
for word; do last=$word; done
case $command in
  list) for word; do case $word in *@*) printf 'snapshot\\t1\\t%s\\t-\\t-\\n' "$word";; esac; done;;
  receive) read -r stream;;
  destroy) printf '%s\\n' "$last" >>"\${0%/*}/destroyed"; case $last in *@held) echo busy; exit 1;; esac;;
  program) cat >"\${0%/*}/text"; [ -e "\${0%/*}/forbidden" ] && { echo no; exit 1; }
    shift 4; codes=; while [ $# -gt 0 ]; do
      printf '%s %s %s\\n' "$1" "$3" "$2" >>"\${0%/*}/programmed"
      case $2 in *@held) codes="$codes 16";; *@strange) codes="$codes -1";; *) codes="$codes 0";; esac; shift 3; done
    printf '{"return":"done%s "}\\n' "$codes";;
esac
`;

let tools = '';
beforeEach(() => {
  tools = mkdtempSync(join(tmpdir(), 'zferry-convoy-'));
  writeFileSync(join(tools, 'zfs'), standIn, { mode: 0o755 });
});
afterEach(() => rmSync(tools, { recursive: true }));

const written = (name: string): readonly string[] => {
  const path = join(tools, name);
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
};

type Members = readonly (readonly [string, string])[];

/** Gives the agent a convoy of streams that are one line each; what it says of it. */
const spoken = (shell: string, members: Members): readonly string[] => {
  const program = agentProgram('0123456789abcdef', 'tree');
  const words = [root, 'tank', 'tank', '', beatProgram(20), '', channelProgram];
  const input = members.map(([name, line]) => `${name}\n${line}\nstream\n`).join('');
  const { stdout, stderr } = spawnSync(shell, ['-c', program, 'zferry-agent', ...words], {
    input: `convoy/none\n${input}`,
    encoding: 'utf8',
    env: { ...env, PATH: `${tools}:${env['PATH']}` },
  });
  expect(stderr).toBe('');
  const lines = stdout.split('\n').slice(0, -1);
  return lines.slice(lines.indexOf('section convoy'));
};

const conveyed = (shell: string, members: Members) =>
  parseConvoyReport(root, spoken(shell, members));

const members = [
  ['.', 'incremental/1/new/1=old one/1=held/2=another'],
  ['./a b', 'incremental/1/new/1=old one'],
] as const;

const outcome = { label: 'old one', error: undefined };

describe.each(posixShells)('what is to go of all members, by %s', (shell) => {
  test('goes by one channel program, and the rest by itself', () => {
    const { streams: told, complete } = conveyed(shell, members);
    expect(complete).toBe(true);
    expect(told[0]?.pruned).toEqual([outcome, { label: 'held', error: 'busy' }]);
    expect(told[1]?.pruned).toEqual([outcome]);
    expect(written('programmed')).toEqual([
      `destroy 1 ${root}@old one`,
      `destroy 1 ${root}@held`,
      `destroy 1 ${child}@old one`,
    ]);
    expect(written('destroyed')).toEqual([`${root}@held`]);
    expect(written('text')).toEqual([channelProgram]);
  });

  test('stays where it was found to be another by now, marked by nobody', () => {
    const { streams: told } = conveyed(shell, [['.', 'incremental/1/new/1=strange/1=old one']]);
    const error = 'it is not what it was';
    expect(told[0]?.pruned).toEqual([{ label: 'strange', error }, outcome]);
    expect(written('destroyed')).toEqual([]);
  });

  test('goes by itself where channel programs are not allowed', () => {
    writeFileSync(join(tools, 'forbidden'), '');
    const { streams: told } = conveyed(shell, members);
    expect(told[0]?.pruned).toEqual([outcome, { label: 'held', error: 'busy' }]);
    expect(written('destroyed')).toEqual([`${root}@old one`, `${root}@held`, `${child}@old one`]);
  });

  test('stays where the new snapshot is not there by its guid, or nothing is due', () => {
    const { streams: told } = conveyed(shell, [
      ['.', 'incremental/2/new/1=old one/1=held'],
      ['./a b', 'incremental/1/new'],
    ]);
    expect(told[1]).toMatchObject({ seen: false, pruned: [] });
    expect([...written('programmed'), ...written('destroyed')]).toEqual([]);
  });

  test('goes by legs, and each is told of before the next begins', () => {
    const many = Array.from({ length: streamsPerLeg + 2 }, (_, index) => `old ${index}`);
    const lines = spoken(
      shell,
      many.map((label) => ['.', `incremental/1/new/1=${label}/1=held`] as const),
    );
    const ends = lines.flatMap((line, index) => (line === 'end leg' ? [index] : []));
    expect(ends).toHaveLength(2);
    const early = parseConvoyReport(root, lines.slice(0, (ends[0] ?? 0) + 1));
    expect(early.streams.map(({ complete }) => complete)).toEqual(
      Array.from({ length: streamsPerLeg }, () => true),
    );
    const { streams: told, complete } = parseConvoyReport(root, lines);
    expect(complete).toBe(true);
    expect(told.map(({ pruned }) => pruned)).toEqual(
      many.map((label) => [
        { label, error: undefined },
        { label: 'held', error: 'busy' },
      ]),
    );
  });

  test('goes by the hundred, each told of once', () => {
    const labels = Array.from({ length: 130 }, (_, index) => `old ${index}`);
    const due = labels.map((label) => `1=${label}`).join('/');
    const { streams: told } = conveyed(shell, [
      ['.', `incremental/1/new/${due}`],
      ['./a b', `incremental/1/new/${due}`],
    ]);
    const all = labels.map((label) => ({ label, error: undefined }));
    expect(told[0]?.pruned).toEqual(all);
    expect(told[1]?.pruned).toEqual(all);
    expect(written('programmed')).toHaveLength(260);
    expect(written('destroyed')).toEqual([]);
  });
});
