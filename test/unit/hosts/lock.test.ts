import { randomUUID } from 'node:crypto';
import { closeSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startChild } from '../../../src/hosts/child.ts';
import { isHeld, type Lock, takeLock } from '../../../src/hosts/lock.ts';
import { sourceModule, startNode } from '../support/process.ts';
import { tether, until } from '../support/tether.ts';

let name: string;
let files: Set<string>;
let open: Set<number>;
beforeEach(() => {
  name = `unit-test-${randomUUID()}`;
  files = new Set();
  open = new Set();
});
afterEach(() => {
  for (const descriptor of open) closeSync(descriptor);
  for (const file of files) rmSync(file);
});

const release = ({ descriptor }: Lock) => {
  open.delete(descriptor);
  closeSync(descriptor);
};

const started = new Date('2026-11-20T08:10:00Z');

const take = async (which = name) => {
  const lock = await takeLock(which, started, tether());
  if (!isHeld(lock)) {
    open.add(lock.descriptor);
    files.add(readlinkSync(`/proc/self/fd/${lock.descriptor}`));
  }
  return lock;
};

/** Takes the lock; fails when somebody has it. */
const taken = async (which = name): Promise<Lock> => {
  const lock = await take(which);
  if (isHeld(lock)) throw new Error('the lock was held');
  return lock;
};

const isFree = async (): Promise<boolean> => {
  const lock = await take();
  if (isHeld(lock)) return false;
  release(lock);
  return true;
};

describe('a lock', () => {
  test('is taken by one run at a time, and free again once that has let go', async () => {
    const lock = await taken();
    expect(await isFree()).toBe(false);
    expect(await isFree()).toBe(false);
    release(lock);
    expect(await isFree()).toBe(true);
  });

  test('goes to exactly one of many runs that want it at once', async () => {
    const locks = await Promise.all(Array.from({ length: 8 }, () => take()));
    expect(locks.filter((lock) => !isHeld(lock))).toHaveLength(1);
  });

  test('keeps nobody waiting who wants another one', async () => {
    await taken();
    const other = await take(`${name}-other`);
    expect(isHeld(other)).toBe(false);
  });

  test('tells who holds it, since when and how far that run is', async () => {
    const lock = await taken();
    expect(await take()).toEqual({
      holder: { pid: process.pid, started: '2026-11-20T08:10:00.000Z' },
    });
    lock.report({ sent: 1_000_000, total: 2_000_000 });
    lock.report({ sent: 5, total: undefined });
    expect(await take()).toEqual({
      holder: { pid: process.pid, started: '2026-11-20T08:10:00.000Z', sent: 5 },
    });
  });

  test('hands on the word that a run leaves, to the next run and to no other', async () => {
    const first = await taken();
    expect(first.remembered).toBeUndefined();
    first.remember('0123456789');
    release(first);

    const second = await taken();
    expect(second.remembered).toBe('0123456789');
    second.report({ sent: 1, total: 2 });
    release(second);
    expect((await taken()).remembered).toBeUndefined();
  });

  test.each(['', 'not JSON', '7', 'null', '{"remembered":7}'])(
    'is taken whatever its file says (%j)',
    async (text) => {
      const first = await taken();
      const file = readlinkSync(`/proc/self/fd/${first.descriptor}`);
      release(first);
      writeFileSync(file, text);
      expect((await taken()).remembered).toBeUndefined();
    },
  );

  test('lasts as long as a process that inherited it', async () => {
    const lock = await taken();
    const child = startChild(
      ['sleep', '60'],
      ['ignore', 'ignore'],
      tether({ locks: [lock.descriptor] }),
    );
    release(lock);
    expect(await isFree()).toBe(false);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(await isFree()).toBe(true);
  });

  test('is not kept by a process that did not inherit it', async () => {
    const lock = await taken();
    const child = startChild(['sleep', '60'], ['ignore', 'ignore'], tether());
    release(lock);
    expect(await isFree()).toBe(true);
    child.process.kill('SIGKILL');
    await child.ended;
  });

  test('vanishes when the run that holds it is killed -9, its children included', async () => {
    const program = `
      import { takeLock } from ${sourceModule('hosts/lock.ts')};
      import { startChild } from ${sourceModule('hosts/child.ts')};
      const tether = { locks: [], signal: new AbortController().signal, stall: 60000 };
      const lock = await takeLock(${JSON.stringify(name)}, new Date(), tether);
      startChild(['sleep', '600'], ['ignore', 'ignore'], { ...tether, locks: [lock.descriptor] });
      setTimeout(() => console.log('ready'), 300);`;
    const { process: holder } = await startNode(program);
    expect(await isFree()).toBe(false);
    holder.kill('SIGKILL');
    await until(isFree);
  });
});
