import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { kill } from 'node:process';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { agentProgram, beatProgram } from '../../../src/hosts/agent-program.ts';
import { parseFacts } from '../../../src/hosts/agent-report.ts';
import { compressorNames } from '../../../src/hosts/compressors.ts';
import { isInstalled } from '../../../src/hosts/environment.ts';
import { quoted } from '../../../src/hosts/words.ts';
import { parseDatasetName } from '../../../src/zfs/names.ts';
import { loginShells, posixShells, runIn } from '../support/shells.ts';
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

/** Runs the agent as sshd would: by a login shell, in a process group of its own. */
const startAgent = (shell: string, digits: string) => {
  const words = [
    agentProgram(digits),
    'zferry-agent',
    'tank/a b',
    'tank',
    'tank',
    '',
    beatProgram(20),
  ];
  const command = `sh -c ${words.map(quoted).join(' ')}`;
  const process = spawn(shell, ['-c', command], { detached: true });
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
        'section pool',
        'section snapshots',
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
