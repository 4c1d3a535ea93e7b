import type { Lock } from '../hosts/lock.ts';
import type { Tether } from '../hosts/tether.ts';
import { lockTyped } from './locking.ts';
import type { Observer } from './observer.ts';
import type { Request } from './request.ts';
import type { Story } from './story.ts';
import type { TargetId } from './target-id.ts';

/** One run of zferry for one pair, from its first lock to its end. */
export interface Run {
  readonly request: Request;
  readonly started: Date;
  readonly story: Story;
  readonly observer: Observer;
  /** Holds the lock of the pair as it was typed. */
  readonly tether: Tether;
  readonly lock: Lock;
  /** The locks that this run took when it came to know its targets; they last to its end. */
  readonly targetLocks: Map<TargetId, Lock>;
  /** The locks of its tree and of those that it may be a part of; they last as long. */
  readonly treeLocks: Lock[];
}

/** Begins a run: takes the lock of the pair as it was typed. Throws PairBusy. */
export const beginRun = async (
  request: Request,
  story: Story,
  observer: Observer,
  tether: Tether,
): Promise<Run> => {
  const started = new Date();
  const lock = await lockTyped(request.pair, started, tether);
  const locked: Tether = { ...tether, locks: [lock.descriptor] };
  return {
    request,
    started,
    story,
    observer,
    tether: locked,
    lock,
    targetLocks: new Map(),
    treeLocks: [],
  };
};
