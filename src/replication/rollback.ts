import { refusal, type ZferryError } from '../errors.ts';
import type { Inspected } from '../hosts/inspection.ts';
import { hostShown } from '../hosts/place.ts';
import type { TargetFacts } from '../hosts/target-facts.ts';
import { bytesShown } from '../journal/text.ts';
import type { Snapshot } from '../zfs/listing.ts';
import type { DatasetName } from '../zfs/names.ts';
import { onTarget } from './hints.ts';
import type { Request } from './request.ts';
import type { Situation } from './situation.ts';

/** What the target loses when it goes back to a snapshot. */
export interface Loss {
  /** Bytes written there since, by zfs's account: those of the last seconds may not be in it yet. */
  readonly bytes: number;
  /** The snapshots and bookmarks that are newer, oldest first. */
  readonly newer: readonly Inspected[];
}

const isOf = (target: DatasetName, { name }: Inspected): boolean =>
  name.startsWith(`${target}@`) || name.startsWith(`${target}#`);

/** Says what going back to a snapshot of the target costs. `written` is what the head has on top of its newest. */
export const lossOf = (
  target: DatasetName,
  written: number,
  to: Pick<Snapshot, 'createtxg'>,
  inspected: readonly Inspected[],
): Loss => {
  const newer = inspected
    .filter((each) => isOf(target, each) && each.createtxg > to.createtxg)
    .toSorted((a, b) => a.createtxg - b.createtxg);
  return { bytes: newer.reduce((sum, each) => sum + each.written, written), newer };
};

/**
 * Why the target cannot go back; undefined where it can. zfs itself would find a hold only when the other
 * snapshots are gone already.
 */
export const rollbackProblem = (
  request: Request,
  { newer }: Pick<Loss, 'newer'>,
): ZferryError | undefined => {
  const host = hostShown(request.pair.target.host);
  const held = newer.find(({ isHeld }) => isHeld);
  if (held !== undefined) {
    return refusal(
      `${held.name} on ${host} is held, and would have to go`,
      `see who holds it: ${onTarget(request, 'zfs', 'holds', held.name)}`,
    );
  }
  const cloned = newer.find(({ clones }) => clones.length > 0);
  if (cloned === undefined) return undefined;
  return refusal(
    `${cloned.name} on ${host} has a clone (${cloned.clones.join(', ')}), and would have to go`,
    `if nobody needs the clone: ${onTarget(request, 'zfs', 'destroy', cloned.clones[0] ?? '')}`,
  );
};

/** What is said before the target goes back, a line each. */
export const rollbackWarnings = (request: Request, to: Snapshot, loss: Loss): readonly string[] => {
  const { target } = request.pair;
  const host = hostShown(target.host);
  const size = loss.bytes === 0 ? '' : ` (${bytesShown(loss.bytes)})`;
  return [
    `rolling ${target.dataset} on ${host} back to @${to.label}: what was written there since is lost${size}`,
    ...loss.newer.map(({ name }) => `destroying ${name} on ${host}`),
  ];
};

/**
 * `--rollback`: says what is lost, and takes the target back to one of its snapshots. Answers what it is
 * then. Throws a refusal where a hold or a clone is in the way, with nothing changed.
 */
export const rollBack = async (
  { request, session, facts, observer }: Situation,
  to: Snapshot,
): Promise<TargetFacts> => {
  const { dataset } = request.pair.target;
  const written = facts.dataset?.written ?? 0;
  const loss = lossOf(dataset, written, to, await session.inspect());
  const problem = rollbackProblem(request, loss);
  if (problem !== undefined) throw problem;
  for (const line of rollbackWarnings(request, to, loss)) observer.announce(line);
  return await session.rollBack(to);
};
