import type { AgentSession } from '../hosts/agent-session.ts';
import type { SourceConnection } from '../hosts/source-connection.ts';
import type { TargetFacts } from '../hosts/target-facts.ts';
import type { Tether } from '../hosts/tether.ts';
import type { SourceListing } from '../zfs/listing.ts';
import { bookmarkName, snapshotName } from '../zfs/names.ts';
import { baseName } from '../zfs/send.ts';
import { property } from './estimate.ts';
import { looking, type Sight } from './looking.ts';
import { newReplicaNotes } from './new-replica.ts';
import { sharedOrigin } from './origin.ts';
import { foresee, type Outlook } from './outlook.ts';
import { targetProblem } from './plan.ts';
import { pruneSource, pruneTarget, replacedBases } from './pruning.ts';
import { beside, decideReplacement, type Replica, stageOf } from './replacement.ts';
import type { Request } from './request.ts';
import { lossOf, rollbackProblem } from './rollback.ts';
import type { TargetId } from './target-id.ts';
import { chooseWire, fitted, type Wire } from './wire.ts';

/** What a cycle would do now. */
export interface Rehearsal {
  readonly kind: Outlook['kind'];
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
