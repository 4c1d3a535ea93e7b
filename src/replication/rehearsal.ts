import type { Scope } from '../hosts/agent-program.ts';
import { type AgentSession, openAgentSession } from '../hosts/agent-session.ts';
import type { SourceConnection } from '../hosts/source-connection.ts';
import { connectionTo, openSource, type SourceHost } from '../hosts/source-host.ts';
import type { TargetFacts } from '../hosts/target-facts.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Snapshot, SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type DatasetName, type Guid, snapshotName } from '../zfs/names.ts';
import { type Base, baseName, parseSendLine, tokenArguments } from '../zfs/send.ts';
import { cargoOf, isUnfinishedPrime } from './carrying.ts';
import { goesRaw } from './encryption.ts';
import { agentKey, sourceKey } from './locking.ts';
import { newReplicaNotes } from './new-replica.ts';
import { originGuid, sharedOrigin } from './origin.ts';
import { overlapProblem } from './overlap.ts';
import { decide, decidePartial, hostProblem, targetProblem } from './plan.ts';
import { pruneSource, pruneTarget, replacedBases } from './pruning.ts';
import { beside, decideReplacement, type Replica, stageOf } from './replacement.ts';
import type { Request } from './request.ts';
import { lossOf, rollbackProblem } from './rollback.ts';
import { lookAtSource, lookIntoToken } from './survey.ts';
import { type TargetId, targetIdOf } from './target-id.ts';
import { chooseWire, fitted, goesAsStored, type Wire } from './wire.ts';

/** What a cycle would do now. */
export interface Rehearsal {
  readonly kind: 'full' | 'incremental' | 'resumed' | 'already primed';
  /** Full name of the base on the source. */
  readonly base: string | undefined;
  /** Full name of the snapshot that would be sent; for a new one, its name if it were made now. */
  readonly snapshot: string;
  /** Full names of the snapshots of others that would be sent before it, oldest first. */
  readonly carries: readonly string[];
  /** About how many bytes, before compression; undefined where zfs cannot say. */
  readonly estimate: number | undefined;
  readonly wire: Wire;
  /** True where blocks would go as they are on the disk. */
  readonly asStored: boolean;
  /** True where they would go encrypted. */
  readonly raw: boolean;
  /** What a reader should know of a new replica. */
  readonly notes: readonly string[];
  /** True where a partial receive would be given up first. */
  readonly givesUpPartial: boolean;
  /** What the target would lose first by going back to its base; undefined where it would not. */
  readonly rollback: RehearsedRollback | undefined;
  /** What `prime --replace` would receive into and then destroy; undefined where it would replace nothing. */
  readonly replaces: RehearsedReplacement | undefined;
  /** Full names of what would be destroyed here and there. */
  readonly prune: { readonly source: readonly string[]; readonly target: readonly string[] };
}

export interface RehearsedReplacement {
  /** Full name of the dataset that takes the old replica's place; undefined where that has been done. */
  readonly as: string | undefined;
  /** Full names of the old replica and its snapshots. */
  readonly destroys: readonly string[];
}

export interface RehearsedRollback {
  /** Full name of the snapshot there. */
  readonly to: string;
  readonly bytes: number;
  /** Full names of snapshots and bookmarks there. */
  readonly destroys: readonly string[];
}

const property = async (
  zfs: Zfs,
  dataset: DatasetName,
  name: string,
): Promise<number | undefined> => {
  const { exitCode, stdout } = await zfs.ask(['get', '-Hp', '-o', 'value', name, dataset]);
  return exitCode === 0 && /^[0-9]+$/.test(stdout) ? Number(stdout) : undefined;
};

/** About how many bytes a stream from that base would have; undefined where zfs cannot say. */
export const estimateOf = (
  zfs: Zfs,
  dataset: DatasetName,
  base: Base | undefined,
  asStored: boolean,
): Promise<number | undefined> =>
  base === undefined
    ? property(zfs, dataset, asStored ? 'referenced' : 'logicalreferenced')
    : property(zfs, dataset, `written${baseName(dataset, base).slice(dataset.length)}`);

const remaining = async (zfs: Zfs, token: string): Promise<number | undefined> => {
  const { stdout, stderr } = await zfs.ask(tokenArguments(token));
  for (const line of `${stdout}\n${stderr}`.split('\n')) {
    const read = parseSendLine(line);
    if (typeof read === 'object' && 'total' in read) return read.total;
  }
  return undefined;
};

/** What the coming cycle would send, as far as the decision goes. */
interface Outlook {
  readonly kind: Rehearsal['kind'];
  readonly base: Base | undefined;
  readonly sent: Snapshot;
  readonly carries: readonly Snapshot[];
  readonly notes: readonly string[];
  readonly replaced: Guid | undefined;
  readonly estimate: number | undefined;
  readonly asStored: boolean;
  readonly raw: boolean;
}

/** Stands for the snapshot that a real cycle would make: newer than all, its guid not yet known. */
const hypothetical = (request: Request): Snapshot => ({
  label: request.series.label(new Date(), 1),
  guid: '' as Guid,
  createtxg: Number.MAX_SAFE_INTEGER,
  mark: undefined,
});

/** The target as `--abort-partial` would leave it. */
const withoutPartial = ({ abortPartial }: Request, facts: TargetFacts): TargetFacts => {
  const { dataset } = facts;
  if (!abortPartial || dataset?.resumeToken === undefined) return facts;
  if (dataset.snapshots.length === 0) return { ...facts, dataset: undefined };
  return { ...facts, dataset: { ...dataset, resumeToken: undefined } };
};

const foresee = async (
  request: Request,
  { zfs, id, source, facts: seen }: Pick<Sight, 'zfs' | 'id' | 'source' | 'facts'>,
): Promise<Outlook> => {
  const facts = withoutPartial(request, seen);
  const { dataset } = request.pair.source;
  const token = facts.dataset?.resumeToken;
  if (facts.dataset !== undefined && token !== undefined) {
    const contents = await lookIntoToken(zfs, token);
    const origin = await originGuid(zfs, source);
    const plan = decidePartial(request, source, facts.dataset, contents, { origin });
    if (plan.kind === 'refuse') throw plan.error;
    if (plan.kind === 'resume') {
      const replaced = plan.fromGuid as Guid | undefined;
      const estimate = await remaining(zfs, token);
      const { snapshot: sent, asStored, raw } = plan;
      const stream = { base: undefined, sent, replaced, estimate, asStored, raw };
      return { kind: 'resumed', ...stream, carries: [], notes: [] };
    }
  }
  const plan = decide(request, source, facts);
  if (plan.kind === 'refuse') throw plan.error;
  if (plan.kind === 'already primed' && isUnfinishedPrime(source, id, plan.base)) {
    return await foresee({ ...request, intent: 'run' }, { zfs, id, source, facts: seen });
  }
  const base = plan.kind === 'full' ? undefined : plan.base;
  const raw = goesRaw(request, source);
  const asStored = raw || goesAsStored(request, source, facts);
  const estimate = await estimateOf(zfs, dataset, base, asStored);
  const sent = hypothetical(request);
  const cargo = cargoOf(request, source, base, sent, facts.dataset);
  const { snapshots: carries, notes } =
    plan.kind === 'already primed' ? { snapshots: [], notes: [] } : cargo;
  const stream = { base, sent, replaced: base?.guid, estimate, asStored, raw };
  return { kind: plan.kind, ...stream, carries, notes };
};

/** What `--rollback` would do first; undefined where the target is as it should be. Throws what it would throw. */
const foreseeRollback = async (
  request: Request,
  session: AgentSession,
  facts: TargetFacts,
  { replaced }: Outlook,
): Promise<RehearsedRollback | undefined> => {
  const { dataset } = request.pair.target;
  const to = facts.dataset?.snapshots.find(({ guid }) => guid === replaced);
  const written = facts.dataset?.written ?? 0;
  if (!request.rollback || to === undefined) return undefined;
  const loss = lossOf(dataset, written, to, await session.inspect());
  // Newer snapshots alone are no change: they stay.
  if (loss.bytes === 0) return undefined;
  const problem = rollbackProblem(request, loss);
  if (problem !== undefined) throw problem;
  const destroys = loss.newer.map(({ name }) => name);
  return { to: snapshotName(dataset, to.label), bytes: loss.bytes, destroys };
};

const prunings = (
  request: Request,
  id: TargetId,
  source: SourceListing,
  facts: TargetFacts,
  { sent, replaced }: Outlook,
): Rehearsal['prune'] => {
  const { series, keep, keepTarget, pair } = request;
  const here = pruneSource({ source, target: id, series, sent, replaced, keep });
  const there = pruneTarget({
    snapshots: facts.dataset?.snapshots ?? [],
    series,
    sent,
    replaced: replacedBases({ source, target: id, sent, replaced }),
    policy: keepTarget,
    now: new Date(),
  });
  return {
    source: [
      ...here.snapshots.map(({ label }) => snapshotName(pair.source.dataset, label)),
      ...here.bookmarks.map(({ label }) => bookmarkName(pair.source.dataset, label)),
    ],
    target: there.map(({ label }) => snapshotName(pair.target.dataset, label)),
  };
};

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

/** What a cycle would do, by what is seen. Throws what it would throw. */
export const rehearseCycle = async (
  request: Request,
  { session, from, zfs, id, facts, source }: Sight,
): Promise<Rehearsal> => {
  const { dataset } = request.pair.source;
  const unfit = targetProblem(request, facts);
  if (unfit !== undefined) throw unfit;
  const wire = chooseWire(request, facts, from);
  const outlook = await foresee(request, { zfs, id, source, facts });
  const origin =
    outlook.kind === 'full'
      ? await sharedOrigin({ request, zfs, session, facts }, source)
      : undefined;
  const rollback = await foreseeRollback(request, session, facts, outlook);
  const prune = prunings(request, id, source, facts, outlook);
  const gone = new Set(rollback?.destroys);
  return {
    kind: outlook.kind,
    base: outlook.base && baseName(dataset, outlook.base),
    snapshot: snapshotName(dataset, outlook.sent.label),
    carries: outlook.carries.map(({ label }) => snapshotName(dataset, label)),
    estimate: origin === undefined ? outlook.estimate : await property(zfs, dataset, 'logicalused'),
    wire: fitted(wire, request, source, outlook),
    asStored: outlook.asStored,
    raw: outlook.raw,
    notes: [
      ...(outlook.kind === 'full' ? newReplicaNotes(request, source, facts, origin) : []),
      ...outlook.notes,
    ],
    givesUpPartial: request.abortPartial && facts.dataset?.resumeToken !== undefined,
    rollback,
    replaces: undefined,
    prune: { ...prune, target: prune.target.filter((name) => !gone.has(name)) },
  };
};

const namesOf = (replica: Replica | undefined): readonly string[] =>
  replica === undefined ? [] : [replica.dataset.name, ...replica.snapshots.map(({ name }) => name)];

/** `prime --replace`: what it would send beside the old replica, and destroy then. */
const rehearseReplacement = async (
  request: Request,
  connection: SourceConnection,
  tether: Tether,
): Promise<Rehearsal> => {
  const begun = await looking(request, connection, tether, async (sight) => {
    const stage = stageOf(request, await sight.session.inspect());
    const next = decideReplacement(request, sight.source, sight.facts, stage);
    if (next.kind === 'refuse') throw next.error;
    if (next.kind === 'send') return { ...next, destroys: namesOf(stage.target ?? stage.aside) };
    const rehearsal = await rehearseCycle(request, sight);
    if (next.kind === 'plain') return { kind: next.kind, rehearsal };
    const replaces = { as: undefined, destroys: namesOf(stage.aside) };
    return { kind: next.kind, rehearsal: { ...rehearsal, replaces } };
  });
  if (begun.kind !== 'send') return begun.rehearsal;
  const fresh = beside(request, begun.intent);
  const rehearsal = await looking(fresh, connection, tether, (sight) =>
    rehearseCycle(fresh, sight),
  );
  return { ...rehearsal, replaces: { as: fresh.pair.target.dataset, destroys: begun.destroys } };
};

/**
 * Looks at both sides and says what a cycle would do; changes nothing. `connection` leads to a source on another host.
 * Throws what a cycle would.
 */
export const rehearse = (
  request: Request,
  connection: SourceConnection,
  tether: Tether,
): Promise<Rehearsal> =>
  request.replace
    ? rehearseReplacement(request, connection, tether)
    : looking(request, connection, tether, (sight) => rehearseCycle(request, sight));
