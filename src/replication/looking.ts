import type { Scope } from '../hosts/agent-program.ts';
import { type AgentSession, openAgentSession } from '../hosts/agent-session.ts';
import type { SourceConnection } from '../hosts/source-connection.ts';
import { connectionTo, openSource, type SourceHost } from '../hosts/source-host.ts';
import type { TargetFacts } from '../hosts/target-facts.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { SourceListing } from '../zfs/listing.ts';
import type { Guid } from '../zfs/names.ts';
import { agentKey, sourceKey } from './locking.ts';
import { overlapProblem } from './overlap.ts';
import { hostProblem } from './plan.ts';
import type { Request } from './request.ts';
import { lookAtSource } from './survey.ts';
import { type TargetId, targetIdOf } from './target-id.ts';

/** What a rehearsal sees of both sides. It takes no locks, and ends nobody's agent. */
export interface Sight {
  readonly session: AgentSession;
  readonly from: SourceHost;
  readonly zfs: Zfs;
  readonly id: TargetId;
  readonly facts: TargetFacts;
  readonly source: SourceListing;
}

/** Looks at both sides, and watches. Throws what keeps either from being seen. */
export const looking = async <T>(
  request: Request,
  connection: SourceConnection,
  tether: Tether,
  watch: (sight: Sight) => Promise<T>,
): Promise<T> => {
  const { pair, sudo, sshOptions, persist } = request;
  const scope: Scope = request.tree === undefined ? 'dataset' : 'tree';
  const access = { sudo, sshOptions };
  const key = sourceKey(pair);
  const from = await openSource(
    { source: pair.source, key, replaces: false, ...access, persist, connection },
    tether,
  );
  const way = connectionTo(pair.target.host, from, persist);
  const options = { target: pair.target, key: agentKey(pair, from.poolGuid), ...access, scope };
  const session = await openAgentSession({ ...options, ...way }, tether);
  return await lookingAt(request, from, session, tether, watch);
};

const lookingAt = async <T>(
  request: Request,
  from: SourceHost,
  session: AgentSession,
  tether: Tether,
  watch: (sight: Sight) => Promise<T>,
): Promise<T> => {
  const { pair } = request;
  try {
    const facts = await session.facts();
    const problem = hostProblem(request, facts);
    if (problem !== undefined) throw problem;
    const overlap = await overlapProblem(request, facts, from, tether);
    if (overlap !== undefined) throw overlap;
    const id = targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
    const zfs = from.zfs(tether);
    const source = await lookAtSource(zfs, pair.source.dataset, id);
    return await watch({ session, from, zfs, id, facts, source });
  } finally {
    await session.close();
  }
};
