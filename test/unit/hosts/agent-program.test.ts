import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env, kill } from 'node:process';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  commandLine,
  type ReceiveInstruction,
  receiveWords,
} from '../../../src/hosts/agent-instructions.ts';
import { agentProgram, beatProgram } from '../../../src/hosts/agent-program.ts';
import { compressorNames } from '../../../src/hosts/compressors.ts';
import { isInstalled } from '../../../src/hosts/environment.ts';
import { parseReceiveReport } from '../../../src/hosts/receive-report.ts';
import { parseFacts } from '../../../src/hosts/target-facts.ts';
import { quoted } from '../../../src/hosts/words.ts';
import {
  type DatasetName,
  parseDatasetName,
  parseGuid,
  parseSnapshotLabel,
  type SnapshotLabel,
} from '../../../src/zfs/names.ts';
import { datasetName, oneIn, snapshotLabel } from '../support/arbitraries.ts';
import { batch, inBatches, loginShells, posixShells, runIn } from '../support/shells.ts';
import { isAlive, until } from '../support/tether.ts';

const key = fc.stringMatching(/^[0-9a-f]{16}$/);
const programs = [
  ['agent', agentProgram('0123456789abcdef')],
  ['beat', beatProgram(20)],
] as const;

describe.each(programs)('the program of the %s', (_name, program) => {
  test('has no character that a login shell reads inside single quotes', () => {
    expect(program).not.toMatch(/['\\!\n\r\0]/);
    expect(quoted(program)).toBe(`'${program}'`);
  });

  test('has nothing but ASCII and tabs', () => {
    expect(program).toMatch(/^[\t\x20-\x7e]+$/);
  });

  test.each(posixShells)('is one that %s can parse', (shell) => {
    expect(runIn('sh', `${shell} -n -c ${quoted(program)}`)).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
  });
});

describe('the program of the agent', () => {
  test('starts with the key that later agents look for', () => {
    fc.assert(
      fc.property(key, (digits) => {
        const program = agentProgram(digits);
        expect(program.startsWith(`: zferry-agent-${digits};`)).toBe(true);
        expect(program).not.toMatch(/['\\!\n\r\0]/);
      }),
    );
  });

  test('is short enough for the one command that ssh and sh are given', () => {
    expect(agentProgram('0123456789abcdef').length + beatProgram(20).length).toBeLessThan(16_000);
  });
});

const started: number[] = [];
afterEach(() => {
  for (const group of started.splice(0)) {
    // It has ended by itself in most tests.
    if (isAlive(group)) kill(-group, 'SIGKILL');
  }
});

/** Runs the agent as sshd would: by a login shell, in a process group of its own. `tools` come first on its PATH. */
const startAgent = (
  shell: string,
  digits: string,
  dataset = 'tank/a b',
  tools?: string,
  known = '',
) => {
  const words = [
    agentProgram(digits),
    'zferry-agent',
    dataset,
    'tank',
    'tank',
    '',
    beatProgram(20),
    known,
  ];
  const command = `sh -c ${words.map(quoted).join(' ')}`;
  const path = [tools, env['PATH']].filter(Boolean).join(':');
  const process = spawn(shell, ['-c', command], { detached: true, env: { ...env, PATH: path } });
  const group = process.pid ?? 0;
  started.push(group);
  const lines: string[] = [];
  let complaints = '';
  createInterface({ input: process.stdout }).on('line', (line) => lines.push(line));
  process.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  const answers = () => lines.filter((line) => line === 'end facts').length;
  return {
    process,
    group,
    lines,
    complaints: () => complaints,
    answered: (times: number) => until(() => answers() === times || process.exitCode !== null),
  };
};

const randomKey = (): string => randomBytes(8).toString('hex');
const target = parseDatasetName('tank/a b');

describe('a running agent', () => {
  test.each(loginShells)(
    'says its key first and its facts in order when %s starts it',
    async (shell) => {
      const digits = randomKey();
      const agent = startAgent(shell, digits);
      await agent.answered(1);
      agent.process.stdin.end();
      await until(() => agent.process.exitCode !== null);
      expect(agent.complaints()).toBe('');
      expect(agent.process.exitCode).toBe(0);
      expect(agent.lines.slice(0, 3)).toEqual(['', `zferry-agent 1 ${digits}`, 'section facts']);
      expect(agent.lines[3]).toMatch(/^self [0-9]+$/);
      expect(agent.lines.filter((line) => /^(section|end) /.test(line))).toEqual([
        'section facts',
        'section properties',
        'section snapshots',
        'section pool',
        'end facts',
      ]);
    },
  );

  test('finds the compressors that are there, and no predecessor but itself', async () => {
    const agent = startAgent('sh', randomKey());
    await agent.answered(1);
    agent.process.stdin.end();
    const facts = parseFacts(target, agent.lines);
    expect([...facts.decompressors].toSorted()).toEqual(
      compressorNames.filter(isInstalled).toSorted(),
    );
    expect(facts.hasZfs).toBe(isInstalled('zfs'));
    expect(facts.predecessors).toEqual([]);
  });

  test('ends at a line that it does not know, without doing anything', async () => {
    const agent = startAgent('sh', randomKey());
    await agent.answered(1);
    agent.process.stdin.write('$(kill 1)/receive\n');
    await until(() => agent.process.exitCode !== null);
    expect(agent.process.exitCode).toBe(0);
    expect(agent.lines.at(-1)).toBe('end facts');
  });

  test('finds agents of its own pair that are still there, and ends them when told to', {
    timeout: 20_000,
  }, async () => {
    const digits = randomKey();
    const first = startAgent('sh', digits);
    const other = startAgent('sh', randomKey());
    await Promise.all([first.answered(1), other.answered(1)]);
    kill(-first.group, 'SIGSTOP');

    const second = startAgent('sh', digits);
    await second.answered(1);
    expect(parseFacts(target, second.lines).predecessors).toEqual([first.group]);

    second.process.stdin.write('replace\n');
    await second.answered(2);
    const again = second.lines.slice(second.lines.indexOf('end facts') + 1);
    expect(parseFacts(target, again).predecessors).toEqual([]);
    await until(() => !isAlive(first.group));
    expect(isAlive(second.group)).toBe(true);
    expect(isAlive(other.group)).toBe(true);
  });
});

/** Prints the properties that it is asked for, or the snapshot's name where that is told to it. */
const echoingZfs = `#!/bin/sh
command=$1
for word; do last=$word; done
case $command/$last in
  get/*) printf '%s\\n' "$5";;
  list/*@*) printf '%s\\t1\\t1\\t-\\n' "$last";;
  list/*) printf '%s\\n' 'all of them';;
esac
`;

describe('an agent that is told one snapshot', () => {
  test.each(loginShells)(
    'asks for it by its exact name, and for all when told to: %s',
    async (shell) => {
      const tools = mkdtempSync(join(tmpdir(), 'zferry-agent-'));
      onTestFinished(() => rmSync(tools, { recursive: true }));
      writeFileSync(join(tools, 'zfs'), echoingZfs, { mode: 0o755 });
      const label = parseSnapshotLabel('2026-11-20 08:05:00  -x');
      const agent = startAgent(shell, randomKey(), target, tools, label);
      await agent.answered(1);
      expect(agent.complaints()).toBe('');
      expect(agent.lines.find((line) => line.startsWith('type,'))).toMatch(
        /keystatus,written@2026-11-20 08:05:00 {2}-x$/,
      );
      const { lines } = agent;
      const behind = (said: readonly string[], section: string) =>
        said.slice(said.indexOf(section) + 1, said.indexOf('section pool'));
      expect(behind(lines, 'section known')).toEqual([
        `${target}@${label}\t1\t1\t-`,
        'status list 0',
      ]);
      const before = lines.length;
      agent.process.stdin.write('list\n');
      await agent.answered(2);
      agent.process.stdin.end();
      const again = lines.slice(before);
      expect(again.some((line) => line.includes('written@'))).toBe(false);
      expect(behind(again, 'section snapshots')).toEqual(['all of them', 'status list 0']);
    },
  );
});

/** Stands where zpool would, with a pool of guid 7; one that knows no more features than OpenZFS 0.8. */
const oldZpool = `#!/bin/sh
case $5 in
  *zstd*) echo "bad property list: invalid property" >&2; exit 2;;
  guid) printf 'guid\\t7\\n';;
esac
`;

test('an agent whose zpool does not know all features tells the guid of the pool alone', async () => {
  const tools = mkdtempSync(join(tmpdir(), 'zferry-agent-'));
  onTestFinished(() => rmSync(tools, { recursive: true }));
  writeFileSync(join(tools, 'zpool'), oldZpool, { mode: 0o755 });
  const agent = startAgent('sh', randomKey(), target, tools);
  await agent.answered(1);
  agent.process.stdin.end();
  const from = agent.lines.indexOf('section pool');
  const pool = agent.lines.slice(from, agent.lines.indexOf('end facts'));
  expect(pool).toEqual(['section pool', 'guid\t7']);
  expect(parseFacts(target, agent.lines)).toMatchObject({ poolGuid: '7', takesStored: false });
});

/** Stands where zfs would: what it was told to list is there with the guid 1, and what to destroy it writes down. */
const standIn = `#!/bin/sh
command=$1
for word; do last=$word; done
case $command in
  list) for word; do case $word in *@*) printf 'snapshot\\t1\\t%s\\t-\\t-\\n' "$word";; esac; done;;
  receive) cat >/dev/null; printf 'into %s\\n' "$last"; printf '%s\\n' "$*" >"\${0%/*}/received";;
  inherit) printf 'may not change %s\\n' "$last"; exit 1;;
  destroy) printf '%s\\n' "$last" >>"\${0%/*}/destroyed";;
esac
`;

describe('the names in a receive command', () => {
  let tools = '';
  beforeAll(() => {
    tools = mkdtempSync(join(tmpdir(), 'zferry-agent-'));
    writeFileSync(join(tools, 'zfs'), standIn, { mode: 0o755 });
  });
  afterAll(() => rmSync(tools, { recursive: true }));

  /** Gives the agent one `receive` with an empty stream, and answers all that it said and destroyed. */
  const received = async (shell: string, dataset: DatasetName, instruction: ReceiveInstruction) => {
    const destroyed = join(tools, 'destroyed');
    rmSync(destroyed, { force: true });
    const agent = startAgent(shell, randomKey(), dataset, tools);
    agent.process.stdin.end(commandLine(receiveWords(instruction)));
    await until(() => agent.process.exitCode !== null && agent.lines.at(-1) === 'end receive');
    expect(agent.complaints()).toBe('');
    return {
      report: parseReceiveReport(dataset, agent.lines),
      destroyed: existsSync(destroyed) ? readFileSync(destroyed, 'utf8').split('\n') : [],
    };
  };

  const instruction = (label: SnapshotLabel, prune: readonly SnapshotLabel[], guid = '1') => ({
    mode: 'incremental' as const,
    keeps: [],
    compression: 'none' as const,
    label,
    guid: parseGuid('1'),
    prune: prune.map((each) => ({ label: each, guid: parseGuid(guid) })),
  });

  const label = fc.oneof(
    snapshotLabel,
    fc.constantFrom(...[' ', '-', '-rf', '--', ':', '...', ' a', 'a ', 'x'.repeat(200)]),
  ) as fc.Arbitrary<SnapshotLabel>;

  test('reach zfs exactly, and what was destroyed is told by its exact name', async () => {
    const prune = fc.uniqueArray(label, { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(datasetName, label, prune, async (dataset, sent, labels) => {
        const { report, destroyed } = await received('sh', dataset, instruction(sent, labels));
        expect(report.said).toEqual([`into ${dataset}`]);
        expect(destroyed).toEqual([...labels.map((each) => `${dataset}@${each}`), '']);
        expect(report.pruned).toEqual(labels.map((each) => ({ label: each, error: undefined })));
        expect([...report.snapshots.keys()]).toEqual([...new Set([sent, ...labels])]);
      }),
      oneIn(1_000),
    );
  });

  test('say which properties the target keeps, one -x each, and what is wrong with the mark that came along', async () => {
    const dataset = parseDatasetName('tank/a b');
    const sent = parseSnapshotLabel('new one');
    const keeps = ['mountpoint', 'zferry:target.0123456789'];
    const words = async (mode: ReceiveInstruction['mode'], kept: readonly string[]) => {
      const asked = { ...instruction(sent, []), mode, keeps: kept };
      const { report } = await received('sh', dataset, asked);
      return { said: report.marked, command: readFileSync(join(tools, 'received'), 'utf8') };
    };
    const flags = '-x mountpoint -x zferry:target.0123456789';
    const said = `may not change ${dataset}@${sent}`;
    expect([
      await words('full', keeps),
      await words('volume', keeps),
      await words('incremental', keeps),
      await words('volume', []),
      await words('full', []),
      await words('incremental', []),
    ]).toEqual([
      { said, command: `receive -s -u -v -o readonly=on -o canmount=noauto ${flags} tank/a b\n` },
      { said, command: `receive -s -u -v -o readonly=on ${flags} tank/a b\n` },
      { said, command: `receive -s -u -v ${flags} tank/a b\n` },
      { said: undefined, command: 'receive -s -u -v -o readonly=on tank/a b\n' },
      { said: undefined, command: 'receive -s -u -v -o readonly=on -o canmount=noauto tank/a b\n' },
      { said: undefined, command: 'receive -s -u -v tank/a b\n' },
    ]);
  });

  test.each(loginShells)('come through by the hundred when %s starts it', async (shell) => {
    await fc.assert(
      fc.asyncProperty(datasetName, label, batch(label), async (dataset, sent, labels) => {
        // Another guid than what is there: nothing of it may go
        const asked = instruction(sent, labels, '2');
        const { report, destroyed } = await received(shell, dataset, asked);
        expect([...report.snapshots.keys()]).toEqual([...new Set([sent, ...labels])]);
        expect(report.pruned).toEqual([]);
        expect(destroyed).toEqual([]);
      }),
      inBatches(oneIn(20)),
    );
  });
});
