import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { failure } from '../errors.ts';
import type { Entry } from './entry.ts';
import { jsonLine } from './json.ts';
import { defaultLog } from './location.ts';
import { textLine } from './text.ts';

export type LogFormat = 'text' | 'json';

const formats: Readonly<Record<LogFormat, (entry: Entry) => string>> = {
  text: textLine,
  json: jsonLine,
};

/**
 * Appends one line by a single write to a file that is opened for just that (O_APPEND), so that `tail -f`,
 * logrotate and several runs at once all work. Throws a failure that names the file.
 */
export const appendToLog = (file: string, format: LogFormat, entry: Entry): void => {
  try {
    // A folder that the person named must exist: a typing error must not make one.
    if (file === defaultLog()) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const descriptor = openSync(file, 'a', 0o644);
    try {
      writeSync(descriptor, `${formats[format](entry)}\n`);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failure(`cannot write the log ${file}: ${reason}`, undefined, error);
  }
};
