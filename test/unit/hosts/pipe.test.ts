import {
  closeSync,
  fstatSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makePipes, type Pipe } from '../../../src/hosts/pipe.ts';
import { runFolder } from '../../../src/hosts/run-folder.ts';
import { tether } from '../support/tether.ts';

const close = (pipes: readonly Pipe[]) => {
  for (const { readEnd, writeEnd } of pipes) {
    closeSync(readEnd);
    closeSync(writeEnd);
  }
};

describe('pipes', () => {
  test('are as many as were asked for, of the kernel, each with two ends of its own', async () => {
    const pipes = await makePipes(3, tether());
    const ends = pipes.flatMap(({ readEnd, writeEnd }) => [readEnd, writeEnd]);
    expect(new Set(ends).size).toBe(6);
    for (const descriptor of ends) expect(fstatSync(descriptor).isFIFO()).toBe(true);
    close(pipes);
    expect(await makePipes(0, tether())).toEqual([]);
  });

  test('carry bytes, and end when the writing end is closed', async () => {
    const [pipe] = await makePipes(1, tether());
    if (pipe === undefined) throw new Error('there is no pipe');
    const buffer = Buffer.alloc(16);
    writeSync(pipe.writeEnd, 'hello');
    expect(readSync(pipe.readEnd, buffer)).toBe(5);
    closeSync(pipe.writeEnd);
    expect(readSync(pipe.readEnd, buffer)).toBe(0);
    closeSync(pipe.readEnd);
  });

  test('leave no name behind', async () => {
    const pipes = await makePipes(2, tether());
    const names = pipes.map(({ readEnd }) => readlinkSync(`/proc/self/fd/${readEnd}`));
    close(pipes);
    for (const name of names) {
      expect(name).toMatch(/ \(deleted\)$/);
      expect(readdirSync(dirname(name))).not.toContain(name.replace(/^.*\/| \(deleted\)$/g, ''));
    }
  });

  test('take away what a killed run left, and nothing of one that lives', async () => {
    const more = async () => close(await makePipes(9, tether()));
    await more();
    // Linux gives no process a pid above 2^22; process 1 is always there.
    const left = join(runFolder(), `${2 ** 22 + 1}-1.fifo`);
    const living = join(runFolder(), '1-1.fifo');
    for (const file of [left, living]) writeFileSync(file, '');
    await more();
    const files = readdirSync(runFolder());
    rmSync(living);
    expect([files.includes('1-1.fifo'), files.includes(`${2 ** 22 + 1}-1.fifo`)]).toEqual([
      true,
      false,
    ]);
  });
});
