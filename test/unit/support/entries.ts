import type { Failed, Replicated, Skipped } from '../../../src/journal/entry.ts';

const facts = {
  time: new Date('2026-11-20T08:05:02.345Z'),
  verb: 'run',
  source: 'tank/vm',
  target: 'backup',
  host: 'backup',
  to: 'backup',
  snapshot: 'zferry_2026-11-20T08:05:00Z',
  seconds: 2.1234567,
} as const;

const stream = {
  kind: 'incremental',
  base: 'tank/vm@zferry_2026-11-20T08:00:00Z',
  guid: '18446744073709551615',
  bytes: 12_897_485,
  compression: 'lzop',
  asStored: false,
  raw: false,
  notes: [],
  kept: [],
} as const;

export const replicated = (changes: Partial<Replicated> = {}): Replicated => ({
  ...facts,
  ...stream,
  result: 'replicated',
  ...changes,
});

export const failed = (changes: Partial<Failed> = {}): Failed => ({
  ...facts,
  ...stream,
  result: 'failed',
  exitCode: 1,
  error: 'ssh: connect to host backup port 22: No route to host',
  hint: undefined,
  ...changes,
});

export const skipped = (changes: Partial<Skipped> = {}): Skipped => ({
  ...facts,
  result: 'skipped',
  snapshot: undefined,
  holder: undefined,
  ...changes,
});
