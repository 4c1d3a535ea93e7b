import type { Scope } from '../hosts/agent-program.ts';
import { openAgentSession } from '../hosts/agent-session.ts';
import { endOwn, forSeveral } from '../hosts/own-connection.ts';
import { connectionTo } from '../hosts/source-host.ts';
import { areShort } from '../hosts/target-facts.ts';
import type { Tether } from '../hosts/tether.ts';
import { approachTarget } from './approach.ts';
import type { EarlyWork } from './early.ts';
import { agentKey } from './locking.ts';
import type { Progress } from './observer.ts';
import type { Request } from './request.ts';
import type { Run } from './run.ts';
import type { ShortArrival, Situation } from './situation.ts';

const scopeOf = ({ tree, includeSnapshots }: Request): Scope => {
  if (tree !== undefined) return 'tree';
  return includeSnapshots.length > 0 ? 'steps' : 'dataset';
};

/**
 * Opens a session with a target, makes sure that this run is the only one at it, works, and closes the
 * session. The target is that of the run, unless another one is given. Throws what keeps its host from
 * taking part, PairBusy, and what `work` throws.
 *
 * A head start that knows the newest snapshot has the target asked about that one only. Then `shortcut` works instead;
 * where it answers undefined, all is listed.
 */
export const visit = async <T>(
  run: Run,
  work: (situation: Situation) => Promise<T>,
  request: Request = run.request,
  headStart?: EarlyWork,
  shortcut?: (arrival: ShortArrival) => Promise<T | undefined>,
): Promise<T> => {
  const { story, observer, tether, lock, member, source } = run;
  const { sudo, sshOptions, persist, pair } = request;
  observer.step(`asking ${pair.target.typed}`);
  // The key is that of the run's own pair: whichever of its datasets a run works at, the next run finds it.
  const key = agentKey(run.request.pair, source.poolGuid);
  const scope = scopeOf(request);
  const whileConnecting = () => headStart?.begin();
  const connection = connectionTo(pair.target.host, source, persist);
  const isSeveral = (request.tree?.parallel ?? 1) > 1;
  const keeping = isSeveral ? forSeveral(connection) : connection;
  const options = { target: pair.target, key, sudo, sshOptions, ...keeping };
  const known = headStart?.known;
  const session = await openAgentSession({ ...options, scope, whileConnecting, known }, tether);
  try {
    await headStart?.ready();
    const { id, facts } = await approachTarget(run, request, session);
    const locks = [...member.targetLocks.values(), ...run.treeLocks];
    const reins: Tether = {
      ...tether,
      locks: [...tether.locks, ...locks.map(({ descriptor }) => descriptor)],
    };
    const zfs = source.zfs(reins);
    const progress = (now: Progress) => {
      for (const held of [lock, ...locks]) held.report(now);
      observer.progress(now);
    };
    const watched = { ...observer, progress };
    const { share } = member;
    const arrival = {
      ...{ id, request, session, from: source, zfs, story, share },
      ...{ observer: watched, tether: reins },
      openLane: () => openAgentSession({ ...options, scope: 'lane' as const }, reins),
    };
    if (!areShort(facts)) return await work({ ...arrival, facts });
    const end = await shortcut?.({ ...arrival, facts });
    if (end !== undefined) return end;
    return await work({ ...arrival, facts: await session.list() });
  } finally {
    await session.close();
    // What was made for this visit alone ends with it.
    const socket = keeping.own === connection.own ? undefined : session.route?.kept?.socket;
    if (socket !== undefined) await endOwn(socket, tether);
  }
};
