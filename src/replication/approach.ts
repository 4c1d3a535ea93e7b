import { failure } from '../errors.ts';
import type { AgentSession } from '../hosts/agent-session.ts';
import { hostShown } from '../hosts/place.ts';
import type { ShortFacts, TargetFacts } from '../hosts/target-facts.ts';
import type { Guid } from '../zfs/names.ts';
import { lockTarget, lockTrees, PairBusy, partiesOf } from './locking.ts';
import { overlapProblem } from './overlap.ts';
import { hostProblem } from './plan.ts';
import type { Pair, Request } from './request.ts';
import type { Run } from './run.ts';
import { type TargetId, targetIdOf } from './target-id.ts';

/** What the target was seen to be. */
export interface Target {
  readonly id: TargetId;
  readonly facts: TargetFacts | ShortFacts;
}

/** Ends what an earlier run left alive on the target. Throws a failure when it does not go. */
const withoutPredecessors = async (
  session: AgentSession,
  pair: Pair,
  facts: TargetFacts | ShortFacts,
): Promise<TargetFacts | ShortFacts> => {
  if (facts.predecessors.length === 0) return facts;
  const after = await session.replacePredecessors();
  if (after.predecessors.length === 0) return after;
  throw failure(
    `processes of an earlier run do not end on ${hostShown(pair.target.host)} (process group ${after.predecessors.join(', ')})`,
    'is a pool suspended there? see zpool status -x',
  );
};

const lookAtHost = async (
  request: Request,
  session: AgentSession,
  { source, tether }: Pick<Run, 'source' | 'tether'>,
): Promise<TargetFacts | ShortFacts> => {
  const facts = await session.glance();
  const problem = hostProblem(request, facts);
  if (problem !== undefined) throw problem;
  // A cycle meets such a target only when it is refused for another reason; there it is asked.
  const overlap =
    request.intent === 'prime' || request.rollback
      ? await overlapProblem(request, facts, source, tether)
      : undefined;
  if (overlap !== undefined) throw overlap;
  return facts;
};

/** Takes the target's lock. Throws PairBusy, and a usage error where another target of this run is the same. */
const claim = async (
  { started, tether, member, source }: Pick<Run, 'started' | 'tether' | 'member' | 'source'>,
  pair: Pair,
  id: TargetId,
): Promise<void> => {
  const twin = member.isSeen(id);
  if (twin !== undefined) throw twin;
  // A run that comes back to a target holds its lock already.
  if (!member.targetLocks.has(id)) {
    try {
      const parties = partiesOf(pair, source.poolGuid);
      member.targetLocks.set(id, await lockTarget(parties, id, started, tether));
    } catch (error) {
      throw error instanceof PairBusy ? ((await member.whoHolds(id)) ?? error) : error;
    }
  }
  member.serves(id);
};

/**
 * Looks at the target and makes sure that this run is the only one at it, here by a lock and there by
 * ending what a dead network left behind. Throws PairBusy, or what keeps the
 * target's host from taking part.
 */
export const approachTarget = async (
  run: Pick<Run, 'started' | 'tether' | 'member' | 'treeLocks' | 'source'>,
  request: Request,
  session: AgentSession,
): Promise<Target> => {
  const { pair } = request;
  const first = await lookAtHost(request, session, run);
  const id = targetIdOf(first.poolGuid as Guid, request.partOf ?? pair.target.dataset);
  await claim(run, pair, id);
  if (run.treeLocks.length === 0) {
    const poolGuid = first.poolGuid as Guid;
    run.treeLocks.push(...(await lockTrees(request, poolGuid, run.started, run.tether)));
  }
  const facts = await withoutPredecessors(session, pair, first);
  return { id, facts };
};
