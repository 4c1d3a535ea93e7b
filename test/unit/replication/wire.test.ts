import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { chooseWire } from '../../../src/replication/wire.ts';
import { facts, request } from '../support/pair.ts';
import { refused } from '../support/refused.ts';

/** A folder on PATH that makes sure that this host has lz4, whatever machine the test runs on. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zferry-path-'));
  writeFileSync(join(folder, 'lz4'), '');
  chmodSync(join(folder, 'lz4'), 0o755);
  vi.stubEnv('PATH', folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

const choose = (wanted: 'lz4' | 'none', named: boolean, there: readonly 'lz4'[]) =>
  chooseWire(
    request({ compression: { wanted, named } }),
    facts(undefined, { decompressors: new Set(there) }),
  );

describe('the compressor of a cycle', () => {
  test('is the wanted one when both hosts have it', () => {
    expect(choose('lz4', false, ['lz4'])).toMatchObject({ compression: 'lz4', note: undefined });
  });

  test('is none when none is wanted, without a word', () => {
    expect(choose('none', true, [])).toMatchObject({ compression: 'none', note: undefined });
  });

  test('gives way to none with a note when it is only the default', () => {
    expect(choose('lz4', false, [])).toMatchObject({
      compression: 'none',
      note: 'not compressed: no lz4 on backup',
    });
  });

  test('is a wrong command line when it was named and is missing', () => {
    const error = refused(() => choose('lz4', true, []));
    expect(error.message).toBe('lz4 is not installed on backup');
    expect(error.hint).toContain('--compress none');
  });
});
