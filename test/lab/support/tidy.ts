import { expect } from 'vitest';
import { dst, src } from './host.ts';
import { bookmarks, newestEqual, type Pair, property, snapshots } from './pair.ts';

/**
 * The same files on both sides, one snapshot on each (and there, before it, what others made), one verified
 * bookmark, no partial receive.
 */
export const isTidy = async (pair: Pair, ...others: readonly string[]): Promise<void> => {
  const label = await newestEqual(pair);
  expect(await snapshots(src, pair.source)).toEqual([label]);
  expect(await snapshots(dst, pair.target)).toEqual([...others, label]);
  expect(await bookmarks(pair.source)).toEqual([
    expect.stringMatching(/^zferry_[0-9a-f]{10}_[^_]+Z(_\d+)?$/),
  ]);
  expect(await property(dst, pair.target, 'receive_resume_token')).toBe('-');
};
