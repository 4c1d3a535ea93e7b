import { type Guid, parseGuid, parseSnapshotLabel, type SnapshotLabel } from '../zfs/names.ts';
import type { Request } from './request.ts';
import { parseTargetId, type TargetId } from './target-id.ts';

/** The one snapshot that a cycle left the two sides with in common, and nothing else of its own that was still to be done. */
export interface Clean {
  readonly label: SnapshotLabel;
  readonly guid: Guid;
  /** When a cycle last listed all snapshots (milliseconds since 1970). */
  readonly listed: number;
}

/** What a cycle that succeeded tells the next one of its pair. It may get lost: nothing but speed may hang on it. */
export interface Memory {
  readonly target: TargetId;
  /** undefined where something was left: the next one has to list all. */
  readonly clean: Clean | undefined;
}

/** How it is written into the lock's file. No label has a `/`. */
export const memoryWord = ({ target, clean }: Memory): string =>
  clean === undefined ? target : [target, clean.guid, clean.listed, clean.label].join('/');

const parseClean = (guid: string, listed: string, label: string): Clean | undefined => {
  if (!/^[0-9]{1,15}$/.test(listed)) return undefined;
  try {
    return {
      guid: parseGuid(guid),
      listed: Number(listed),
      label: parseSnapshotLabel(label),
    };
  } catch {
    // Somebody wrote into the file: it is as if there were none.
    return undefined;
  }
};

/** Reads such a word; undefined for any other. */
export const parseMemory = (word: string): Memory | undefined => {
  const [id = '', guid = '', listed = '', label = ''] = word.split('/');
  const target = parseTargetId(id);
  return target && { target, clean: parseClean(guid, listed, label) };
};

/** How long (milliseconds) cycles may go by what they remember before one lists all snapshots again. */
const longestTrust = 24 * 3_600_000;

/** True where the listing that this goes back to is not too old; nor of the future, by a clock that was wrong. */
export const isFresh = ({ listed }: Clean, now: number): boolean =>
  listed <= now && now - listed < longestTrust;

/** True for a cycle that has to know no other snapshots than those that it made and replaces. */
export const needsNoHistory = ({
  intent,
  keep,
  keepTarget,
  properties,
  ...request
}: Request): boolean =>
  intent === 'run' &&
  keep === undefined &&
  keepTarget === undefined &&
  !(properties || request.rollback || request.abortPartial || request.replace) &&
  request.includeSnapshots.length === 0 &&
  request.tree === undefined &&
  request.partOf === undefined;
