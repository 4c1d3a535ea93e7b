import type { TargetFacts } from '../hosts/target-facts.ts';
import type { Snapshot } from '../zfs/listing.ts';
import type { Guid } from '../zfs/names.ts';
import type { Base } from '../zfs/send.ts';
import { cargoOf, isUnfinishedPrime } from './carrying.ts';
import { goesRaw } from './encryption.ts';
import { estimateOf, remaining } from './estimate.ts';
import type { Sight } from './looking.ts';
import { originGuid } from './origin.ts';
import { decide, decidePartial } from './plan.ts';
import type { Request } from './request.ts';
import { lookIntoToken } from './survey.ts';
import { goesAsStored } from './wire.ts';

/** What the coming cycle would send, as far as the decision goes. */
export interface Outlook {
  readonly kind: 'full' | 'incremental' | 'resumed' | 'already primed';
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

/** What a cycle would send now. Throws the refusal. */
export const foresee = async (
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
