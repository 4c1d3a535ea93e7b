import { asZferryError } from '../../errors.ts';
import type { SnapshotLabel } from '../../zfs/names.ts';
import type { Beginning } from '../head-start.ts';
import type { Request } from '../request.ts';
import type { Story } from '../story.ts';
import type { TargetId } from '../target-id.ts';
import type { Member } from './members.ts';
import type { MemberFailure } from './outcome.ts';

/** What is known of each member so far. */
export class Ledger {
  label: SnapshotLabel | undefined;
  /** Which target it is, once it has answered. */
  target: TargetId | undefined;
  members: readonly Member[] = [];
  readonly failures: MemberFailure[] = [];
  /** Of those that came further; a member may have one for each session. */
  readonly stories = new Set<Story>();
  /** Members that need a session of their own, and what they begin with. */
  readonly alone: {
    readonly member: Member;
    /** Its own. */
    readonly request: Request;
    readonly beginning: Beginning | undefined;
  }[] = [];
  /** How many were there already, where all were. */
  primed = 0;
  readonly #done = new Set<string>();

  isOpen({ path }: Member): boolean {
    return !this.#done.has(path);
  }

  /** True where something has come of any member. */
  get isAnyDone(): boolean {
    return this.#done.size > 0;
  }

  close({ path }: Member): void {
    this.#done.add(path);
  }

  /** It is none of this run's members after all. */
  drop(member: Member): void {
    this.members = this.members.filter((each) => each !== member);
  }

  leave(alone: Ledger['alone'][number]): void {
    this.close(alone.member);
    this.alone.push(alone);
  }

  fail(member: Member, error: unknown, story: Story): void {
    this.close(member);
    const { source, target } = member.pair;
    const failure = { source: source.dataset, target: target.typed, error: asZferryError(error) };
    this.failures.push({ ...failure, story });
  }
}

export const emptyStory = (): Story => ({ notes: [], kept: [] });
