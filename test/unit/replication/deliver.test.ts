import { expect, test } from 'vitest';
import { receiveMode } from '../../../src/replication/deliver.ts';
import { listing, replica, snapshot } from '../support/pair.ts';

const one = snapshot(1);

test('what a receive makes depends on what the source is, and only the first one makes anything', () => {
  const volume = listing([one], [], { type: 'volume' });
  for (const there of [undefined, replica([], { resumeToken: '1-a-b-c' })]) {
    expect(receiveMode(listing([one]), 'full', there)).toBe('full');
    expect(receiveMode(volume, 'resume', there)).toBe('volume');
  }
  expect(receiveMode(listing([one]), 'resume', replica([one]))).toBe('incremental');
  // A step behind the one that makes it
  expect(receiveMode(volume, 'incremental', undefined)).toBe('incremental');
  expect(receiveMode(volume, 'incremental', replica([one], { type: 'volume' }))).toBe(
    'incremental',
  );
});
