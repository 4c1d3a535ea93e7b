import type { Lock } from '../hosts/lock.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { SnapshotLabel } from '../zfs/names.ts';
import { lockTarget, partiesOf } from './locking.ts';
import { type Memory, memoryWord, parseMemory } from './memory.ts';
import type { Run } from './run.ts';
import { grace } from './taking-back.ts';
import type { TargetId } from './target-id.ts';

/** What a run does before its target has answered: only where the last one left word of which target that is. */
export abstract class EarlyWork {
  /** The one snapshot that the target is to be asked about; undefined where all must be listed. */
  abstract readonly known: SnapshotLabel | undefined;
  /** What is expected; undefined where nothing is to be begun. */
  protected readonly target: TargetId | undefined;
  #work: Promise<void> | undefined;

  constructor(target: TargetId | undefined) {
    this.target = target;
  }

  /** Begins; a second call does nothing. */
  begin(): void {
    if (this.target === undefined || this.#work !== undefined) return;
    // What fails here is tried again, and said, when the target has answered.
    this.#work = this.prepare(this.target).catch(() => undefined);
  }

  /** Waits for what was begun. */
  async ready(): Promise<void> {
    await this.#work;
  }

  protected abstract prepare(target: TargetId): Promise<void>;
}

/** The same signal, late: a command that was begun may end, so that what it made is known and can be taken back. */
const late = (signal: AbortSignal): AbortSignal => {
  const controller = new AbortController();
  const abort = () => setTimeout(() => controller.abort(signal.reason), grace).unref();
  signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
};

/** What the last run left word of, where an ordinary run may begin by it before its target has answered. */
export const wordFor = ({ request, lock }: Pick<Run, 'request' | 'lock'>): Memory | undefined => {
  const { intent, rollback, abortPartial, replace } = request;
  const { remembered } = lock;
  return intent === 'prime' || rollback || abortPartial || replace || remembered === undefined
    ? undefined
    : parseMemory(remembered);
};

/** Takes the lock of the target that is expected, and answers it and a zfs for the source that has it. Throws PairBusy. */
export const lockEarly = async (
  { request, started, tether, member, source }: Run,
  id: TargetId,
): Promise<{ readonly lock: Lock; readonly zfs: Zfs }> => {
  const lock = await lockTarget(partiesOf(request.pair, source.poolGuid), id, started, tether);
  member.targetLocks.set(id, lock);
  const locks = [...tether.locks, lock.descriptor];
  return { lock, zfs: source.zfs({ ...tether, locks, signal: late(tether.signal) }) };
};

/** Tells the next run which target it was, and what it may go by. */
export const leaveWord = ({ lock, member }: Pick<Run, 'lock' | 'member'>, memory: Memory): void => {
  const word = memoryWord(memory);
  // The target's lock is the one that whoever comes to it by another name takes too.
  for (const each of [lock, member.targetLocks.get(memory.target)]) each?.remember(word);
};
