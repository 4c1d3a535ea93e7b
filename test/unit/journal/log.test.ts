import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { appendToLog } from '../../../src/journal/log.ts';
import { failed, replicated } from '../support/entries.ts';
import { refused } from '../support/refused.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zferry-log-'));
  file = join(folder, 'zferry.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the log', () => {
  test('grows by one line a cycle, in the form that was asked for', () => {
    appendToLog(file, 'text', replicated());
    appendToLog(file, 'json', failed());
    const [first, second, ...rest] = readFileSync(file, 'utf8').split('\n');
    expect(first).toContain('replicated to backup successfully.');
    expect(JSON.parse(second ?? '')).toMatchObject({ result: 'failed' });
    expect(rest).toEqual(['']);
  });

  test('goes on in a new file after logrotate has moved the old one away', () => {
    appendToLog(file, 'text', replicated());
    renameSync(file, `${file}.1`);
    appendToLog(file, 'text', failed());
    expect(readFileSync(file, 'utf8')).toContain('failed to replicate');
    expect(readFileSync(`${file}.1`, 'utf8')).not.toContain('failed to replicate');
  });

  test('that cannot be written is a failure that names the file', () => {
    const missing = join(folder, 'no', 'such', 'folder', 'zferry.log');
    const { message } = refused(() => appendToLog(missing, 'text', replicated()), 'failed');
    expect(message).toContain(`cannot write the log ${missing}: ENOENT`);
  });
});
