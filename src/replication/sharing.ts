import type { TargetId } from './target-id.ts';

/** What one target of a run has to do with the snapshot that the run's targets share. */
export type Part =
  /** It may come to need it. */
  | { readonly kind: 'open' }
  /** It is being sent to this target, or has arrived there. */
  | { readonly kind: 'using'; readonly target: TargetId }
  /** The target's cycle ended otherwise, and its bookmark may still name it. */
  | { readonly kind: 'failed' }
  /** Nothing, or nothing any more. */
  | { readonly kind: 'free' };

/** What is to become of the shared snapshot. */
export type Fate = 'stays' | 'goes' | { readonly mark: TargetId };

/**
 * Decides what becomes of a snapshot that has the mark of `owner`. It goes when no target of the run has to
 * do with it any more. The mark must be that of a target that uses it, as long as there is one: while the one that it
 * was made for fails, week after week, nobody could prune what is marked for it.
 */
export const fateOf = (parts: readonly Part[], owner: TargetId): Fate => {
  if (parts.every(({ kind }) => kind === 'free')) return 'goes';
  const users = parts.flatMap((part) => (part.kind === 'using' ? [part.target] : []));
  const [heir] = users;
  return heir === undefined || users.includes(owner) ? 'stays' : { mark: heir };
};
