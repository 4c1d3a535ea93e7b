import type { TargetFacts } from '../hosts/agent-report.ts';
import { openAgentSession } from '../hosts/agent-session.ts';
import type { Tether } from '../hosts/tether.ts';
import { localZfs, type Zfs } from '../hosts/zfs-command.ts';
import type { Snapshot, SourceListing } from '../zfs/listing.ts';
import { bookmarkName, type DatasetName, type Guid, snapshotName } from '../zfs/names.ts';
import { type Base, baseName, parseSendLine, tokenArguments } from '../zfs/send.ts';
import { agentKey } from './locking.ts';
import { decide, decidePartial, hostProblem, targetProblem } from './plan.ts';
import { pruneSource, pruneTarget, replacedBases } from './pruning.ts';
import type { Request } from './request.ts';
import { lookAtSource, lookIntoToken } from './survey.ts';
import { type TargetId, targetIdOf } from './target-id.ts';
import { chooseWire, type Wire } from './wire.ts';

/** What a cycle would do now. */
export interface Rehearsal {
  readonly kind: 'full' | 'incremental' | 'resumed' | 'already primed';
  /** Full name of the base on the source. */
  readonly base: string | undefined;
  /** Full name of the snapshot that would be sent; for a new one, its name if it were made now. */
  readonly snapshot: string;
  /** About how many bytes, before compression; undefined where zfs cannot say. */
  readonly estimate: number | undefined;
  readonly wire: Wire;
  /** True where a partial receive would be given up first. */
  readonly givesUpPartial: boolean;
  /** Full names of what would be destroyed here and there. */
  readonly prune: { readonly source: readonly string[]; readonly target: readonly string[] };
}

const property = async (
  zfs: Zfs,
  dataset: DatasetName,
  name: string,
): Promise<number | undefined> => {
  const { exitCode, stdout } = await zfs.ask(['get', '-Hp', '-o', 'value', name, dataset]);
  return exitCode === 0 && /^[0-9]+$/.test(stdout) ? Number(stdout) : undefined;
};

const estimateOf = (
  zfs: Zfs,
  dataset: DatasetName,
  base: Base | undefined,
): Promise<number | undefined> =>
  base === undefined
    ? property(zfs, dataset, 'referenced')
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
  readonly replaced: Guid | undefined;
  readonly estimate: number | undefined;
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
  zfs: Zfs,
  source: SourceListing,
  seen: TargetFacts,
): Promise<Outlook> => {
  const facts = withoutPartial(request, seen);
  const { dataset } = request.pair.source;
  const token = facts.dataset?.resumeToken;
  if (facts.dataset !== undefined && token !== undefined) {
    const plan = decidePartial(request, source, facts.dataset, await lookIntoToken(zfs, token));
    if (plan.kind === 'refuse') throw plan.error;
    if (plan.kind === 'resume') {
      const replaced = plan.fromGuid as Guid | undefined;
      const estimate = await remaining(zfs, token);
      return { kind: 'resumed', base: undefined, sent: plan.snapshot, replaced, estimate };
    }
  }
  const plan = decide(request, source, facts);
  if (plan.kind === 'refuse') throw plan.error;
  const base = plan.kind === 'full' ? undefined : plan.base;
  const estimate = await estimateOf(zfs, dataset, base);
  return { kind: plan.kind, base, sent: hypothetical(request), replaced: base?.guid, estimate };
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

/** Looks at both sides and says what a cycle would do; changes nothing. Throws what a cycle would. */
export const rehearse = async (request: Request, tether: Tether): Promise<Rehearsal> => {
  const { pair, sudo, sshOptions } = request;
  const options = { target: pair.target, key: agentKey(pair), sudo, sshOptions };
  const session = await openAgentSession(options, tether);
  try {
    const facts = await session.facts();
    const problem = hostProblem(request, facts);
    if (problem !== undefined) throw problem;
    const id = targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
    const zfs = localZfs(sudo, tether);
    const source = await lookAtSource(zfs, pair.source.dataset, id);
    const unfit = targetProblem(request, facts);
    if (unfit !== undefined) throw unfit;
    const wire = chooseWire(request, facts);
    const outlook = await foresee(request, zfs, source, facts);
    return {
      kind: outlook.kind,
      base: outlook.base && baseName(pair.source.dataset, outlook.base),
      snapshot: snapshotName(pair.source.dataset, outlook.sent.label),
      estimate: outlook.estimate,
      wire,
      givesUpPartial: request.abortPartial && facts.dataset?.resumeToken !== undefined,
      prune: prunings(request, id, source, facts, outlook),
    };
  } finally {
    await session.close();
  }
};
