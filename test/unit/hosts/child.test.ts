import { kill } from 'node:process';
import { describe, expect, test } from 'vitest';
import { startChild } from '../../../src/hosts/child.ts';
import { sourceModule, startNode } from '../support/process.ts';
import { isAlive, tether, until } from '../support/tether.ts';

const sh = (program: string) => ['sh', '-c', program] as const;

const start = (
  program: string,
  changes: Parameters<typeof tether>[0] = {},
  onLine?: (line: string) => boolean,
) => startChild(sh(program), ['ignore', 'ignore'], tether(changes), { onLine });

describe('a child', () => {
  test.each([0, 1, 255])('tells that it ended with %i', async (status) => {
    expect(await start(`exit ${status}`).ended).toEqual({
      program: 'sh',
      exitCode: status,
      signal: undefined,
      said: [],
    });
  });

  test('tells which signal ended it', async () => {
    expect(await start('kill -9 $$').ended).toMatchObject({
      exitCode: undefined,
      signal: 'SIGKILL',
    });
  });

  test('keeps what it said line by line, the one without a line break and CRLF included', async () => {
    const { said } = await start('printf "one\\r\\n\\ntwo\\nthr" >&2; sleep 0.1; printf ee >&2')
      .ended;
    expect(said).toEqual(['one', 'two', 'three']);
  });

  test('does not keep the lines that were dealt with', async () => {
    const seen: string[] = [];
    const { said } = await start('echo size 5 >&2; echo oops >&2', {}, (line) => {
      seen.push(line);
      return line.startsWith('size');
    }).ended;
    expect(seen).toEqual(['size 5', 'oops']);
    expect(said).toEqual(['oops']);
  });

  test('that prints endlessly does not fill the memory', async () => {
    const { said, exitCode } = await start('yes noise | head -n 100000 >&2').ended;
    expect(exitCode).toBe(0);
    expect(said).toHaveLength(200);
  });

  test('that leads is ended with all that it started, and has 3 and 4 to itself', async () => {
    const controller = new AbortController();
    const pids: string[] = [];
    const { ended } = startChild(
      sh('sleep 60 & echo $! >&2; exec 3>&1 4>&1; : >&3 >&4; sleep 60'),
      ['ignore', 'ignore'],
      tether({ signal: controller.signal }),
      { leads: true, onLine: (line) => pids.push(line) > 0 },
    );
    await until(() => pids.length > 0);
    expect(isAlive(Number(pids[0]))).toBe(true);
    controller.abort(new Error('enough'));
    expect((await ended).signal).toBe('SIGTERM');
    await until(() => !isAlive(Number(pids[0])));
  });

  test('that cannot be started ended with neither a status of 0 nor silence', async () => {
    const { ended } = startChild(['zferry-no-such-program'], ['ignore', 'ignore'], tether());
    const { exitCode, said } = await ended;
    expect(exitCode).not.toBe(0);
    expect(said.join(' ')).toContain('zferry-no-such-program');
  });

  test('is ended when the run is to end', async () => {
    const controller = new AbortController();
    const child = start('exec sleep 60', { signal: controller.signal });
    controller.abort(new Error('enough'));
    expect(await child.ended).toMatchObject({ exitCode: undefined, signal: 'SIGTERM' });
  });

  test('is killed when it does not listen', { timeout: 10_000 }, async () => {
    const controller = new AbortController();
    const child = start('trap "" TERM; echo ready >&2; while :; do sleep 0.1; done', {
      signal: controller.signal,
    });
    await until(() => child.process.stderr?.readableFlowing === true);
    setTimeout(() => controller.abort(new Error('enough')), 200);
    expect(await child.ended).toMatchObject({ exitCode: undefined, signal: 'SIGKILL' });
  });

  test('that a descendant outlives is not waited for', async () => {
    const began = Date.now();
    const { exitCode, said } = await start('sleep 8 & echo $! >&2').ended;
    kill(Number(said[0]));
    expect(exitCode).toBe(0);
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  test('ends when its parent is killed -9', async () => {
    const program = `
      import { startChild } from ${sourceModule('hosts/child.ts')};
      const tether = { locks: [], signal: new AbortController().signal, stall: 60000 };
      const child = startChild(['sleep', '600'], ['ignore', 'ignore'], tether);
      setTimeout(() => console.log(child.process.pid), 300);`;
    const { process: parent, line } = await startNode(program);
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isAlive(pid));
  });
});
