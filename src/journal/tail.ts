import { accessSync, closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { defaultLog } from './location.ts';

/** How much (bytes) of a log's end is looked at: some thousand lines. */
const mostBytes = 512 * 1024;

/** The last lines of a log, oldest first; none where it cannot be read. */
export const tailOf = (file: string): readonly string[] => {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const length = Math.min(size, mostBytes);
      const buffer = Buffer.alloc(length);
      readSync(descriptor, buffer, 0, length, size - length);
      const lines = buffer.toString('utf8').split('\n');
      // The first may have lost its beginning.
      return (length < size ? lines.slice(1) : lines).filter((line) => line !== '');
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return [];
  }
};

/** Why a line could not be appended to a log; undefined where it can. Nothing is written. */
export const logProblem = (file: string): string | undefined => {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory() === true) return 'it is a folder';
    if (found !== undefined) accessSync(file, constants.W_OK);
    // The default's folder is made with the first line.
    else if (file !== defaultLog()) accessSync(dirname(file), constants.W_OK);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
