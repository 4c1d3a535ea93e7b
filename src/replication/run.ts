import type { Lock } from '../hosts/lock.ts';
import { openSource, type SourceHost } from '../hosts/source-host.ts';
import { newStarter } from '../hosts/starter.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Member } from './company.ts';
import { lockTyped, sourceKey } from './locking.ts';
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
  /** The source's host, connected to for as long as this run lasts. */
  readonly source: SourceHost;
}

/** Begins a run: takes the lock of the pair as it was typed, and connects to the source. Throws PairBusy, and as `openSource`. */
export const beginRun = async (
  request: Request,
  story: Story,
  observer: Observer,
  tether: Tether,
  member: Member,
): Promise<Run> => {
  const started = new Date();
  const starter = newStarter();
  const equipped: Tether = { ...tether, starter };
  const lock = await lockTyped(request.pair, started, equipped).catch(async (reason: unknown) => {
    await starter.close();
    throw reason;
  });
  const locked: Tether = { ...equipped, locks: [lock.descriptor] };
  const { pair, sudo, sshOptions, persist } = request;
  if (pair.source.host.kind === 'remote') observer.step(`asking ${pair.source.typed}`);
  const { connection } = member;
  const options = { source: pair.source, key: sourceKey(pair), replaces: true, connection };
  try {
    const source = await openSource({ ...options, sudo, sshOptions, persist }, locked);
    member.reaches(source);
    return {
      request,
      started,
      story,
      observer,
      tether: locked,
      lock,
      member,
      treeLocks: [],
      source,
    };
  } catch (error) {
    await starter.close();
    lock.release();
    throw error;
  }
};

/** Ends it: whoever comes next may have its locks, although zferry may go on for other targets. */
export const endRun = async ({ lock, member, treeLocks, tether }: Run): Promise<void> => {
  await tether.starter?.close();
  for (const each of [lock, ...treeLocks, ...member.targetLocks.values()]) each.release();
  member.targetLocks.clear();
};
