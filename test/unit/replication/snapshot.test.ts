import { describe, expect, test } from 'vitest';
import { kept } from '../../../src/replication/snapshot.ts';

/** As zfs destroy said it on real hosts, by version of its commands. */
describe('what could not be destroyed', () => {
  test.each([
    [
      '2.3.9, a hold',
      "cannot destroy snapshot w/a@1: it's being held. Run 'zfs holds -r w/a@1' to see holders.",
      'it is held',
    ],
    ['2.1.11, a hold', 'cannot destroy snapshot w/a@1: dataset is busy', 'it is in use'],
    ['both, a running send', 'cannot destroy snapshot w/a@3: dataset is busy', 'it is in use'],
    [
      'both, a clone',
      "cannot destroy 'w/a@1': snapshot has dependent clones use '-R' to destroy the following datasets: w/c",
      'it has clones',
    ],
  ])('is in use (%s), and is told without advice that would destroy more', (_, said, reason) => {
    expect(kept('w/a@1', said)).toEqual({ name: 'w/a@1', reason, inUse: true });
  });

  test.each([
    'cannot destroy snapshots: permission denied',
    'cannot destroy snapshots: pool is read-only',
  ])('is told as zfs said it, where that is no use of it: %s', (said) => {
    expect(kept('w/a@1', said)).toEqual({ name: 'w/a@1', reason: said, inUse: false });
  });

  test('has a reason of one line that is not endless, whatever a target said', () => {
    const { reason } = kept('w/a@1', `no\n\u001b[2J${'x'.repeat(10_000)}`);
    expect(reason).toMatch(/^no \[2Jx{1990,}…$/);
  });
});
