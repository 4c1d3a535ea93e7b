import { createHash } from 'node:crypto';
import {
  type BookmarkLabel,
  type DatasetName,
  type Guid,
  parseBookmarkLabel,
  poolOf,
} from '../zfs/names.ts';

/**
 * Ten hexadecimal digits that stand for a target in the names of its bookmarks and properties. They come
 * from the pool's guid there and the path below it: the same whatever alias, address or user the host is
 * called by and whatever the pool is imported as, and known before the first send. (The guid of the root
 * dataset would not do: `zpool split` copies it, and two targets would pass for one.)
 */
export type TargetId = string & { readonly brand: 'TargetId' };

export const targetIdOf = (poolGuid: Guid, target: DatasetName): TargetId =>
  createHash('sha256')
    .update(`${poolGuid}${target.slice(poolOf(target).length)}`)
    .digest('hex')
    .slice(0, 10) as TargetId;

/** Reads what may be a target's id; undefined where it is none. */
export const parseTargetId = (text: string): TargetId | undefined =>
  /^[0-9a-f]{10}$/.test(text) ? (text as TargetId) : undefined;

/** What the name of one of zferry's bookmarks says. */
export interface BookmarkMeaning {
  readonly target: TargetId;
  /** True for the snapshot of a first full send that is not verified yet. */
  readonly priming: boolean;
}

const pattern = /^zferry_([0-9a-f]{10})_(.+?)(_priming)?$/;

/** Reads a bookmark's label; undefined for a bookmark that is not zferry's. */
export const bookmarkMeaning = (label: BookmarkLabel): BookmarkMeaning | undefined => {
  const [, target, , priming] = pattern.exec(label) ?? [];
  return target === undefined
    ? undefined
    : { target: target as TargetId, priming: priming !== undefined };
};

/** True for the bookmark of a snapshot that this target is known to have, or to be sent: not of one that primes. */
export const isPrimed = (label: BookmarkLabel, target: TargetId): boolean => {
  const meaning = bookmarkMeaning(label);
  return meaning?.target === target && !meaning.priming;
};

/** The label of the bookmark for a target; `attempt` 2 and up make it unique. */
export const bookmarkLabel = (
  { target, priming }: BookmarkMeaning,
  at: Date,
  attempt: number,
): BookmarkLabel => {
  const time = at.toISOString().replace(/\.[0-9]+Z$/, 'Z');
  const unique = attempt < 2 ? '' : `_${attempt}`;
  return parseBookmarkLabel(`zferry_${target}_${time}${unique}${priming ? '_priming' : ''}`);
};

/** The property of the source in which a target's place stands as it was typed. */
export const placeProperty = (target: TargetId): string => `zferry:target.${target}`;

/** The property of the source that keeps how a target's series is sent: `large-blocks`, or empty. */
export const streamProperty = (target: TargetId): string => `zferry:stream.${target}`;

/** Both of them, in the order in which a listing of the source gives their values. */
export const recordProperties = (target: TargetId): readonly [stream: string, place: string] => [
  streamProperty(target),
  placeProperty(target),
];
