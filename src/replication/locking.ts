import { hostname, userInfo } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { failure, ZferryError } from '../errors.ts';
import { digest } from '../hosts/digest.ts';
import { isAlive } from '../hosts/is-alive.ts';
import { isHeld, type Lock, type LockMode, type RunStatus, takeLock } from '../hosts/lock.ts';
import { type Host, type Place, recipientShown } from '../hosts/place.ts';
import type { Tether } from '../hosts/tether.ts';
import { type DatasetName, type Guid, parentOf, poolOf } from '../zfs/names.ts';
import type { Pair, Request } from './request.ts';
import { type TargetId, targetIdOf } from './target-id.ts';

/** A source, and what its target is called in messages. */
interface Parties {
  readonly source: DatasetName;
  readonly to: string;
  /** Stands for the source, whatever its host was called by. */
  readonly key: string;
}

/** Another run for the pair is at work: exit 4. */
export class PairBusy extends ZferryError {
  readonly holder: RunStatus | undefined;

  constructor({ source, to }: Omit<Parties, 'key'>, holder: RunStatus | undefined) {
    const who = holder === undefined ? '' : ` (pid ${holder.pid}, started ${holder.started})`;
    super('busy', `another run for ${source} to ${to} is still at work${who}`);
    this.holder = holder;
  }
}

/** What stands for a source: on this host its name; elsewhere its pool's guid and the path below it. */
const keyOf = ({ dataset }: Place, poolGuid: Guid | undefined): string =>
  poolGuid === undefined ? dataset : `${poolGuid}${dataset.slice(poolOf(dataset).length)}`;

/** A host as it was typed; this one has no name. */
const hostWords = (host: Host): readonly string[] =>
  host.kind === 'here' ? [] : [host.user ?? '', host.name, String(host.port ?? '')];

const typedWords = ({ source, target }: Pair): readonly string[] => [
  ...(source.host.kind === 'here' ? [] : ['from', ...hostWords(source.host)]),
  source.dataset,
  ...hostWords(target.host),
  target.dataset,
];

/**
 * What agents of this pair carry in their arguments, so that the next one finds those that a dead network
 * left behind. The same for every alias of the target's host. Another source has another key, and so has
 * another user, whose lock is not this one's.
 */
export const agentKey = ({ source, target }: Pair, poolGuid?: Guid): string =>
  digest('agent', hostname(), String(userInfo().uid), keyOf(source, poolGuid), target.dataset);

/** The same for what runs on the source's host where that is another one: of the pair as it was typed. */
export const sourceKey = (pair: Pair): string =>
  digest('source', hostname(), String(userInfo().uid), ...typedWords(pair));

/** How often, a tenth of a second apart, a lock is tried whose run has ended: its processes are ending too. */
const mostTries = 30;

const take = async (
  name: string,
  parties: Parties,
  started: Date,
  tether: Tether,
  mode: LockMode = 'alone',
): Promise<Lock> => {
  for (let attempt = 1; ; attempt += 1) {
    const lock = await takeLock(name, started, tether, mode);
    if (!isHeld(lock)) return lock;
    const { holder } = lock;
    if (holder === undefined || isAlive(holder.pid)) throw new PairBusy(parties, holder);
    if (attempt === mostTries) {
      throw failure(
        `processes that an earlier run (pid ${holder.pid}, started ${holder.started}) started do not end, and hold its lock`,
        'is a pool suspended? see zpool status -x and ps -ef',
      );
    }
    await setTimeout(100);
  }
};

export const partiesOf = ({ source, target }: Pair, poolGuid?: Guid): Parties => ({
  source: source.dataset,
  to: recipientShown(target),
  key: keyOf(source, poolGuid),
});

/** The name of the lock of a pair as it was typed. */
export const typedLockName = (pair: Pair): string => digest('typed', ...typedWords(pair));

/** The name of the lock of a pair by what the target is; `source` is the key of {@link partiesOf}. */
export const targetLockName = (source: string, id: TargetId): string =>
  digest('target', source, id);

/** Takes the lock of a pair as it was typed, before anything is asked. Throws PairBusy. */
export const lockTyped = (pair: Pair, started: Date, tether: Tether): Promise<Lock> =>
  take(typedLockName(pair), partiesOf(pair), started, tether);

/** Takes the lock of a pair by what the target is, whatever alias it was called by. Throws PairBusy. */
export const lockTarget = (
  parties: Parties,
  id: TargetId,
  started: Date,
  tether: Tether,
): Promise<Lock> => take(targetLockName(parties.key, id), parties, started, tether);

/** The pairs above a pair, nearest first, as far as both sides have the same names: a tree of theirs holds it too. */
const pairsAbove = (
  source: DatasetName,
  target: DatasetName,
): readonly (readonly DatasetName[])[] => {
  const [above, there] = [parentOf(source), parentOf(target)];
  // A pool's root is no target.
  if (above === undefined || there === undefined || parentOf(there) === undefined) return [];
  if (source.slice(above.length) !== target.slice(there.length)) return [];
  return [[above, there], ...pairsAbove(above, there)];
};

const lockTree = (
  { pair }: Request,
  poolGuid: Guid,
  [source, target]: readonly DatasetName[],
  mode: LockMode,
  started: Date,
  tether: Tether,
): Promise<Lock> => {
  const parties = { ...partiesOf(pair), source: source as DatasetName };
  const id = targetIdOf(poolGuid, target as DatasetName);
  return take(digest('tree', parties.source, id), parties, started, tether, mode);
};

/**
 * Keeps trees and their parts apart: a tree holds a lock of its own alone, each run that of all trees that it could be
 * a part of, together with others. Throws PairBusy.
 */
export const lockTrees = async (
  request: Request,
  poolGuid: Guid,
  started: Date,
  tether: Tether,
): Promise<readonly Lock[]> => {
  const { source, target } = request.pair;
  const locks: Lock[] = [];
  const names = [source.dataset, target.dataset];
  if (request.tree !== undefined) {
    locks.push(await lockTree(request, poolGuid, names, 'alone', started, tether));
  }
  for (const above of pairsAbove(source.dataset, target.dataset)) {
    locks.push(await lockTree(request, poolGuid, above, 'shared', started, tether));
  }
  return locks;
};
