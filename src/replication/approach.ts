import { failure } from '../errors.ts';
import type { TargetFacts } from '../hosts/agent-report.ts';
import type { AgentSession } from '../hosts/agent-session.ts';
import type { Lock } from '../hosts/lock.ts';
import { hostShown } from '../hosts/place.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Guid } from '../zfs/names.ts';
import { lockTarget } from './locking.ts';
import { hostProblem } from './plan.ts';
import type { Pair, Request } from './request.ts';
import { type TargetId, targetIdOf } from './target-id.ts';

/** What the target was seen to be, and the lock of the pair by what it is. */
export interface Target {
  readonly id: TargetId;
  readonly facts: TargetFacts;
  readonly lock: Lock;
}

/** Ends what an earlier run left alive on the target. Throws a failure when it does not go. */
const withoutPredecessors = async (
  session: AgentSession,
  pair: Pair,
  facts: TargetFacts,
): Promise<TargetFacts> => {
  if (facts.predecessors.length === 0) return facts;
  const after = await session.replacePredecessors();
  if (after.predecessors.length === 0) return after;
  throw failure(
    `processes of an earlier run do not end on ${hostShown(pair.target.host)} (process group ${after.predecessors.join(', ')})`,
    'is a pool suspended there? see zpool status -x',
  );
};

const lookAtHost = async (request: Request, session: AgentSession): Promise<TargetFacts> => {
  const facts = await session.facts();
  const problem = hostProblem(request, facts);
  if (problem !== undefined) throw problem;
  return facts;
};

/**
 * Looks at the target and makes sure that this run is the only one at it, here by a lock and there by
 * ending what a dead network left behind. Throws PairBusy, or what keeps the
 * target's host from taking part.
 */
export const approachTarget = async (
  request: Request,
  session: AgentSession,
  started: Date,
  tether: Tether,
): Promise<Target> => {
  const { pair } = request;
  const first = await lookAtHost(request, session);
  const id = targetIdOf(first.poolGuid as Guid, pair.target.dataset);
  const lock = await lockTarget(pair, id, started, tether);
  const facts = await withoutPredecessors(session, pair, first);
  return { id, facts, lock };
};

/**
 * Looks again, through a new session, at the target whose lock this run has. Throws what keeps the target's
 * host from taking part, and a failure when another target answers.
 */
export const returnToTarget = async (
  request: Request,
  session: AgentSession,
  { id, lock }: Target,
): Promise<Target> => {
  const { pair } = request;
  const first = await lookAtHost(request, session);
  if (targetIdOf(first.poolGuid as Guid, pair.target.dataset) !== id) {
    throw failure(`${hostShown(pair.target.host)} has another pool than a moment ago`);
  }
  return { id, lock, facts: await withoutPredecessors(session, pair, first) };
};
