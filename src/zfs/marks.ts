/**
 * The user property by which a snapshot of zferry's is known: the id of the target that it was made for, or
 * {@link supersededMark}. It stays where it was set: nothing inherits it and no stream of zferry's carries it.
 */
export const markProperty = 'zferry:for';

/**
 * Marks a snapshot of a target that `forget` removed: a history that somebody keeps. It belongs to no target any
 * more, so that none takes it for what a cycle of its own left; `--keep` still counts it.
 */
export const forgottenMark = 'forgotten';

/** Marks a snapshot that was to be pruned when a hold, a clone or a running send still needed it. */
export const supersededMark = 'superseded';
