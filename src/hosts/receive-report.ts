import type { DatasetName } from '../zfs/names.ts';
import { bySection, isSet, isToken, statusOf, values } from './agent-lines.ts';

/** How the receiving half of a transfer went. */
export interface ReceiveReport {
  readonly decompressStatus: number | undefined;
  readonly receiveStatus: number | undefined;
  /** Everything that the decompressor and `zfs receive` said. */
  readonly said: readonly string[];
  /** Bytes of the stream as `zfs receive -v` counted them, to the three digits that it prints. */
  readonly bytes: number | undefined;
  /** guids of the snapshots that were asked about, by name. */
  readonly snapshots: ReadonlyMap<string, string>;
  /** Those of all snapshots, where the sent one is not there by its name; undefined where it is, or nobody could tell. */
  readonly others: ReadonlyMap<string, string> | undefined;
  /** True where the target itself was seen after the receive: what it does not show is not there. */
  readonly seen: boolean;
  readonly readonly: boolean;
  readonly resumeToken: string | undefined;
  readonly pruned: readonly PruneReport[];
  /** What zfs said where the new snapshot could not be freed of the mark that came with it. */
  readonly marked: string | undefined;
  /** True when the agent came to its end, so that what it says of the target is what there is. */
  readonly complete: boolean;
}

/** Of an agent that nobody could listen to. */
export const nothingReported: ReceiveReport = {
  ...{ decompressStatus: undefined, receiveStatus: undefined, said: [], bytes: undefined },
  ...{
    snapshots: new Map(),
    others: undefined,
    seen: false,
    readonly: false,
    resumeToken: undefined,
    pruned: [],
    marked: undefined,
  },
  complete: false,
};

/** One snapshot that the agent was told to destroy, and what zfs said when it could not. */
export interface PruneReport {
  readonly label: string;
  readonly error: string | undefined;
}

const unit = { B: 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40, P: 2 ** 50, E: 2 ** 60 };

const receivedLine = /^received ([0-9]{1,4}(?:\.[0-9]{1,3})?)([BKMGTPE]?)B? stream/;

/** Reads `received 12.3M stream in …`, which zfs_nicebytes (lib/libzutil) rounds to three digits. */
const receivedBytes = (lines: readonly string[]): number | undefined => {
  const matches = lines.map((line) => receivedLine.exec(line));
  const match = matches.findLast((found) => found !== null);
  if (match === undefined || match === null) return undefined;
  const scale = unit[(match[2] || 'B') as keyof typeof unit];
  return Math.round(Number(match[1]) * scale);
};

const parsePruned = (line: string): PruneReport | undefined => {
  const [, status, label = '', said = ''] = /^pruned ([0-9]+)\/([^/]*)\/(.*)$/.exec(line) ?? [];
  if (status === undefined) return undefined;
  return { label, error: status === '0' ? undefined : said || `zfs destroy ended with ${status}` };
};

/** guids by label, out of lines of `type guid name …`. */
const snapshotGuids = (lines: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    lines
      .map((line) => line.split('\t'))
      .filter(([type]) => type === 'snapshot')
      .map(([, guid = '', name = '']) => [name.slice(name.indexOf('@') + 1), guid]),
  );

/** Reads the agent's lines from `section receive` on; they may break off anywhere. Throws for none of them. */
export const parseReceiveReport = (
  target: DatasetName,
  lines: readonly string[],
): ReceiveReport => {
  const sections = bySection(lines);
  const receive = sections.get('receive') ?? [];
  const after = sections.get('after') ?? [];
  const others = sections.get('others') ?? [];
  const rows = after.map((line) => line.split('\t'));
  const own = rows.find(([type, , name]) => type !== 'snapshot' && name === target);
  const complete = lines.includes('end receive');
  const token = own?.[4];
  const isSpeech = (line: string) => !/^(status|beat) /.test(line) && line !== '';
  return {
    decompressStatus: statusOf(receive, 'decompress'),
    receiveStatus: statusOf(receive, 'receive'),
    said: receive.filter(isSpeech),
    bytes: receivedBytes(receive),
    snapshots: snapshotGuids(after),
    others: complete && statusOf(others, 'others') === 0 ? snapshotGuids(others) : undefined,
    // With a token that is none, whether something was received in part is not known.
    seen: complete && own !== undefined && (!isSet(token) || isToken(token)),
    readonly: own?.[3] === 'on',
    // Half a token is none.
    resumeToken: complete && isSet(token) && isToken(token) ? token : undefined,
    pruned: (sections.get('prune') ?? []).map(parsePruned).filter((report) => report !== undefined),
    marked: values(sections.get('prune') ?? [], 'marked')[0],
    complete,
  };
};
