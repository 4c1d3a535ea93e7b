import { supersededMark } from '../zfs/marks.ts';
import type { TargetId } from './target-id.ts';

/** What one target of a run has to do with the snapshot that the run's targets share. */
export type Part =
  /** It may come to need it. */
  | { readonly kind: 'open' }
  /** It is to be sent to this target, or is being sent. */
  | { readonly kind: 'using'; readonly target: TargetId }
  /** It is verified there. That target's later runs may have gone on to others since. */
  | { readonly kind: 'done'; readonly target: TargetId }
  /** The target's cycle ended otherwise, and its bookmark may still name it. */
  | { readonly kind: 'failed' }
  /** Nothing, or nothing any more. */
  | { readonly kind: 'free' };

/** Whose a shared snapshot is: of a target, or nobody's any more, for any cycle to prune. */
export type Owner = TargetId | typeof supersededMark;

/** What is to become of the shared snapshot. */
export type Fate = 'stays' | 'goes' | { readonly mark: Owner };

/**
 * Decides what becomes of a snapshot that has the mark of `owner`. It goes when no target of the run has to
 * do with it any more. The mark must be that of a target that uses it, as long as there is one: while the one that it
 * was made for fails, week after week, nobody could prune what is marked for it. Where it has arrived at others only, their
 * marks would not do: a target that has gone on to a newer one does not look behind itself.
 */
export const fateOf = (parts: readonly Part[], owner: Owner): Fate => {
  if (parts.every(({ kind }) => kind === 'free')) return 'goes';
  const users = parts.filter((part) => part.kind === 'using' || part.kind === 'done');
  if (users.some(({ target }) => target === owner)) return 'stays';
  const heir = users.find(({ kind }) => kind === 'using');
  if (heir !== undefined) return { mark: heir.target };
  return users.length === 0 || owner === supersededMark ? 'stays' : { mark: supersededMark };
};
