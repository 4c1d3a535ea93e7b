import { expect, test } from 'vitest';
import { receiveMode } from '../../../src/replication/deliver.ts';
import { listing, replica, snapshot } from '../support/pair.ts';

const one = snapshot(1);

test('what a receive makes depends on what the source is, and only the first one makes anything', () => {
  const volume = listing([one], [], { type: 'volume' });
  for (const there of [undefined, replica([], { resumeToken: '1-a-b-c' })]) {
    expect(receiveMode(listing([one]), there)).toBe('full');
    expect(receiveMode(volume, there)).toBe('volume');
  }
  expect(receiveMode(listing([one]), replica([one]))).toBe('incremental');
  expect(receiveMode(volume, replica([one], { type: 'volume' }))).toBe('incremental');
});
