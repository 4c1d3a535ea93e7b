import { expect } from 'vitest';
import { dst, src } from './host.ts';
import { bookmarks, newestEqual, type Pair, property, snapshots } from './pair.ts';

/**
 * The same files on both sides, one snapshot on each (and there, before it, what others made), one verified
 * bookmark, no partial receive.
 */
export const isTidy = async (pair: Pair, ...others: readonly string[]): Promise<void> => {
  const [label, here, there, marks, token] = await Promise.all([
    newestEqual(pair),
    snapshots(src, pair.source),
    snapshots(dst, pair.target),
    bookmarks(pair.source),
    property(dst, pair.target, 'receive_resume_token'),
  ]);
  expect({ here, there, marks, token }).toEqual({
    here: [label],
    there: [...others, label],
    marks: [expect.stringMatching(/^zferry_[0-9a-f]{10}_[^_]+Z(_\d+)?$/)],
    token: '-',
  });
};
