import type { MemberInstruction } from '../hosts/agent-instructions.ts';
import type { ReceiveReport } from '../hosts/receive-report.ts';
import type { SourceTraits } from '../zfs/listing.ts';
import type { Request } from './request.ts';
import { bookmarkMeaning, recordProperties, type TargetId } from './target-id.ts';

/** How much room there is on the target's host is its own affair, and a limit there would end the replication. */
const room = ['reservation', 'refreservation'];
/** Where a replica appears to others is not decided by the source. */
const ofFilesystems = ['mountpoint', 'sharenfs', 'sharesmb', 'quota', 'refquota', ...room];
const ofVolumes = ['volmode', 'snapdev', ...room];

/** What the first receive sets by itself; the later ones leave it as it is. */
const setAtFirst = { filesystem: ['readonly', 'canmount'], volume: ['readonly'] } as const;

/** zferry's own properties of the source, of every target that it has a bookmark for. */
const records = ({ bookmarks }: SourceTraits, target: TargetId): readonly string[] => {
  const others = bookmarks.map(({ label }) => bookmarkMeaning(label)?.target);
  const ids = new Set([target, ...others.filter((id) => id !== undefined)]);
  return [...ids].flatMap(recordProperties);
};

/**
 * The properties that a stream with properties (`zfs send -p`) must not change on the target (`zfs receive -x`); none
 * for a stream without. zfs warns of those that do not apply to a dataset of that type.
 */
export const keptProperties = (
  { properties }: Pick<Request, 'properties'>,
  source: SourceTraits,
  target: TargetId,
  mode: MemberInstruction['mode'],
): readonly string[] => {
  if (!properties) return [];
  const { type } = source;
  return [
    ...(type === 'volume' ? ofVolumes : ofFilesystems),
    ...(mode === 'incremental' ? setAtFirst[type] : []),
    ...records(source, target),
  ];
};

/**
 * Properties that came along and were not set there, in zfs's words: it says so in passing, and ends with 0. Who may not
 * set one may not keep it off either, and is told so; nothing is lost by that.
 */
export const unreceivedProperties = (
  { said }: Pick<ReceiveReport, 'said'>,
  keeps: readonly string[],
): readonly string[] =>
  said.filter((line) => {
    const name = /^cannot receive (\S+) property on /.exec(line)?.[1];
    return name !== undefined && !keeps.includes(name);
  });
