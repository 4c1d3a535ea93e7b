import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../../src/hosts/command.ts';
import { commandsProgram } from '../../../src/hosts/command-shell.ts';
import { isHeld, takeLock } from '../../../src/hosts/lock.ts';
import { newStarter } from '../../../src/hosts/starter.ts';
import type { Starter } from '../../../src/hosts/tether.ts';
import { sourceModule, startNode } from '../support/process.ts';
import { isAlive, tether, until } from '../support/tether.ts';

let starter: Starter;
let file: string;
beforeEach(() => {
  starter = newStarter();
  file = join(tmpdir(), `zferry-starter-${randomUUID()}`);
});
afterEach(async () => {
  await starter.close();
  rmSync(file, { force: true });
});

const sh = (program: string, ...words: readonly string[]) =>
  ['sh', '-c', program, 'sh', ...words] as const;

/** The process that starts a command. */
const parent = async (reins = tether()): Promise<number> =>
  Number((await starter.run(sh('echo $PPID'), reins)).stdout);

describe('what starts the short commands of a run', () => {
  test('is one shell for all of them', async () => {
    const first = await parent();
    expect(first).not.toBe(process.pid);
    expect([await parent(), await parent()]).toEqual([first, first]);
  });

  test('keeps apart what each of them says', async () => {
    const big = await starter.run(sh('seq 100000; echo complaint >&2'), tether());
    expect(big.stdout.split('\n')).toHaveLength(100_000);
    expect(big).toMatchObject({ exitCode: 0, stderr: 'complaint' });
    expect(await starter.run(sh('printf x; exit 7'), tether())).toEqual({
      exitCode: 7,
      stdout: 'x',
      stderr: '',
    });
    expect(await starter.run(['true'], tether())).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('keeps nobody waiting who asks while a command runs', async () => {
    const shell = await parent();
    const slow = starter.run(sh('while [ ! -e "$1" ]; do sleep 0.1; done', file), tether());
    const other = await parent();
    expect(other).toBe(process.pid);
    closeSync(openSync(file, 'w'));
    await slow;
    expect(await parent()).toBe(shell);
  });

  test('gives place to another shell where it was killed', async () => {
    const shell = await parent();
    const cut = starter.run(sh('kill -9 $PPID'), tether());
    await expect(cut).rejects.toMatchObject({
      message: 'sh did not run to its end: the shell that started it has ended',
    });
    expect(await parent()).not.toBe(shell);
  });

  test('goes on, with its command, where a terminal interrupts all processes of the run', async () => {
    const { stdout } = await starter.run(
      sh('kill -s INT $PPID $$; kill -s HUP $PPID $$; echo $PPID'),
      tether(),
    );
    expect(await parent()).toBe(Number(stdout));
  });

  test('goes on behind a command that took too long', async () => {
    const shell = await parent();
    const slow = starter.run(['sleep', '60'], tether({ stall: 100 }));
    await expect(slow).rejects.toMatchObject({ message: "'sleep 60' did not end within 0.1 s" });
    expect(await parent()).toBe(shell);
  });

  test('does not begin a command of which it got only a part', () => {
    const whole = `mark\n3\nsh\n-c\n: >${file}\n`;
    const begin = (input: string) =>
      spawnSync('sh', ['-c', commandsProgram], {
        input,
        stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      });
    for (let length = 0; length < whole.length; length += 1) begin(whole.slice(0, length));
    expect(existsSync(file)).toBe(false);
    begin(whole);
    expect(existsSync(file)).toBe(true);
  });
});

describe('a lock', () => {
  const started = new Date('2026-11-20T08:10:00Z');
  let name: string;
  beforeEach(() => {
    name = `unit-test-${randomUUID()}`;
  });

  const isFree = async (): Promise<boolean> => {
    const lock = await takeLock(name, started, tether());
    if (!isHeld(lock)) lock.release();
    return !isHeld(lock);
  };

  test('is held by the shell too, until that is closed', async () => {
    const lock = await takeLock(name, started, tether({ starter }));
    if (isHeld(lock)) throw new Error('the lock was held');
    const shell = await parent(tether({ locks: [lock.descriptor] }));
    lock.release();
    expect(await isFree()).toBe(false);
    process.kill(shell, 'SIGSTOP');
    setTimeout(() => process.kill(shell, 'SIGCONT'), 100);
    await starter.close();
    expect(isAlive(shell)).toBe(false);
    expect(await isFree()).toBe(true);
  });

  test('that was taken later has a shell with both', async () => {
    const first = await takeLock(name, started, tether({ starter }));
    if (isHeld(first)) throw new Error('the lock was held');
    const reins = tether({ starter, locks: [first.descriptor] });
    const second = await takeLock(`${name}-second`, started, reins);
    if (isHeld(second)) throw new Error('the lock was held');
    const both = await parent(tether({ locks: [first.descriptor, second.descriptor] }));
    expect(await parent(reins)).toBe(both);
    await starter.close();
    for (const lock of [first, second]) lock.release();
  });

  test('of somebody else leaves no shell with its file', async () => {
    const lock = await takeLock(name, started, tether());
    if (isHeld(lock)) throw new Error('the lock was held');
    expect(isHeld(await takeLock(name, started, tether({ starter })))).toBe(true);
    lock.release();
    // This takes the number of the one, and then that of the other goes to the next try.
    const other = openSync('/dev/null', 'r');
    const again = await takeLock(name, started, tether({ starter }));
    closeSync(other);
    if (isHeld(again)) throw new Error('the lock was held');
    await starter.close();
    expect(await isFree()).toBe(false);
    again.release();
    expect(await isFree()).toBe(true);
  });

  test('lasts as long as a command whose run was killed -9, and nothing is begun behind it', async () => {
    const program = `
      import { takeLock } from ${sourceModule('hosts/lock.ts')};
      import { newStarter } from ${sourceModule('hosts/starter.ts')};
      const tether = { locks: [], signal: new AbortController().signal, stall: 60000, starter: newStarter() };
      const lock = await takeLock(${JSON.stringify(name)}, new Date(), tether);
      const reins = { ...tether, locks: [lock.descriptor] };
      const waits = 'echo >"$1"; while [ ! -e "$1-go" ]; do sleep 0.1; done';
      setTimeout(() => console.log('ready'), 300);
      await tether.starter.run(['sh', '-c', waits, 'sh', ${JSON.stringify(file)}], reins);`;
    const { process: holder } = await startNode(program);
    await until(() => existsSync(file));
    holder.kill('SIGKILL');
    await until(() => holder.signalCode !== null);
    await sleep(200);
    expect(await isFree()).toBe(false);
    await run(['touch', `${file}-go`], tether());
    await until(isFree);
    rmSync(`${file}-go`);
  });
});
