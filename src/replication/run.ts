import type { Lock } from '../hosts/lock.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Member } from './company.ts';
import { lockTyped } from './locking.ts';
import type { Observer } from './observer.ts';
import type { Request } from './request.ts';
import type { Story } from './story.ts';

/** What one run of zferry does for one pair, from its first lock to its end. */
export interface Run {
  readonly request: Request;
  readonly started: Date;
  readonly story: Story;
  readonly observer: Observer;
  /** Holds the lock of the pair as it was typed. */
  readonly tether: Tether;
  readonly lock: Lock;
  /** Its place among the targets that are served side by side with this one. */
  readonly member: Member;
  /** The locks of its tree and of those that it may be a part of; they last to its end. */
  readonly treeLocks: Lock[];
}

/** Begins a run: takes the lock of the pair as it was typed. Throws PairBusy. */
export const beginRun = async (
  request: Request,
  story: Story,
  observer: Observer,
  tether: Tether,
  member: Member,
): Promise<Run> => {
  const started = new Date();
  const lock = await lockTyped(request.pair, started, tether);
  const locked: Tether = { ...tether, locks: [lock.descriptor] };
  return { request, started, story, observer, tether: locked, lock, member, treeLocks: [] };
};

/** Ends it: whoever comes next may have its locks, although zferry may go on for other targets. */
export const endRun = ({ lock, member, treeLocks }: Run): void => {
  for (const each of [lock, ...treeLocks, ...member.targetLocks.values()]) each.release();
  member.targetLocks.clear();
};
