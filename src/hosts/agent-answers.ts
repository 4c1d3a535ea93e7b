import { type Guid, parseDatasetName, parseSnapshotLabel, snapshotName } from '../zfs/names.ts';
import { bySection, statusOf } from './agent-lines.ts';

/** What the agent does when a person's flag asks for it; the words are those of the protocol. */
export type Action = 'abort' | 'rollback' | 'aside' | 'promote' | 'discard' | 'parents';

const zfsFor: Readonly<Record<Action, string>> = {
  abort: 'zfs receive -A',
  rollback: 'zfs rollback',
  aside: 'zfs rename',
  promote: 'zfs rename',
  discard: 'zfs destroy',
  parents: 'zfs create',
};

/** What zfs said when an action failed; undefined when it did not. */
export const parseAction = (action: Action, lines: readonly string[]): string | undefined => {
  const answer = bySection(lines).get(action) ?? [];
  if (statusOf(answer, action) === 0) return undefined;
  // It goes on with advice that would destroy more.
  const [said = ''] = answer;
  return said === '' || said.startsWith('status ') ? `${zfsFor[action]} failed` : said;
};

/** Reads the answer to `seek`: full names of the snapshots of that guid. What is no such line is left out. */
export const parseSought = (guid: Guid, lines: readonly string[]): readonly string[] =>
  (bySection(lines).get('seek') ?? []).flatMap((line) => {
    const [found, name = ''] = line.split('\t');
    const [dataset = '', label, ...rest] = name.split('@');
    if (found !== guid || label === undefined || rest.length > 0) return [];
    try {
      return [snapshotName(parseDatasetName(dataset), parseSnapshotLabel(label))];
    } catch {
      // The target said it: what is no name is nowhere.
      return [];
    }
  });
