import { closeSync, fstatSync, readdirSync, readlinkSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makePipes, type Pipe } from '../../../src/hosts/pipe.ts';
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
});
