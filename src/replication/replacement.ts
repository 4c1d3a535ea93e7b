import { refusal, type ZferryError } from '../errors.ts';
import type { Inspected } from '../hosts/inspection.ts';
import { hostShown } from '../hosts/place.ts';
import type { TargetFacts } from '../hosts/target-facts.ts';
import type { SourceListing } from '../zfs/listing.ts';
import type { DatasetName } from '../zfs/names.ts';
import { asideSuffix, freshSuffix, siblingOf } from '../zfs/siblings.ts';
import { onTarget, where, zferry } from './hints.ts';
import { commonBase, datasetProblem, sourceProblem } from './plan.ts';
import type { Request } from './request.ts';

/** A dataset with what is of it. */
export interface Replica {
  readonly dataset: Inspected;
  /** Oldest first. */
  readonly snapshots: readonly Inspected[];
  /** The datasets below it. */
  readonly children: readonly Inspected[];
}

/** Finds a dataset in what was inspected; undefined where it does not exist. */
export const replicaIn = (
  inspected: readonly Inspected[],
  name: DatasetName,
): Replica | undefined => {
  const dataset = inspected.find((each) => each.name === name);
  return (
    dataset && {
      dataset,
      snapshots: inspected
        .filter((each) => each.type === 'snapshot' && each.name.startsWith(`${name}@`))
        .toSorted((a, b) => a.createtxg - b.createtxg),
      children: inspected.filter(
        (each) => /^(filesystem|volume)$/.test(each.type) && each.name.startsWith(`${name}/`),
      ),
    }
  );
};

/** The three datasets that a replacement moves. */
export interface Stage {
  readonly target: Replica | undefined;
  readonly fresh: Replica | undefined;
  readonly aside: Replica | undefined;
}

export const stageOf = (
  { pair }: Pick<Request, 'pair'>,
  inspected: readonly Inspected[],
): Stage => {
  const { dataset } = pair.target;
  return {
    target: replicaIn(inspected, dataset),
    fresh: replicaIn(inspected, siblingOf(dataset, freshSuffix)),
    aside: replicaIn(inspected, siblingOf(dataset, asideSuffix)),
  };
};

/** The dataset beside the target as a target of its own: with an id, bookmarks and marks of its own. */
export const beside = (request: Request, intent: Request['intent']): Request => {
  const { pair } = request;
  const dataset = siblingOf(pair.target.dataset, freshSuffix);
  // Nobody else has a use for it: a change there goes, and is said.
  return {
    ...request,
    intent,
    rollback: true,
    pair: { ...pair, target: { ...pair.target, dataset } },
  };
};

/** What `prime --replace` is to do. */
export type Replacement =
  /** There is no old replica: a first full send, or the rest of one. */
  | { readonly kind: 'plain' }
  /** A full send beside the old replica, or what is missing of it; then they change places. */
  | { readonly kind: 'send'; readonly intent: Request['intent'] }
  /** They have changed places already; the old one is still there. */
  | { readonly kind: 'finish' }
  | { readonly kind: 'refuse'; readonly error: ZferryError };

const refuse = (message: string, hint: string): Replacement => ({
  kind: 'refuse',
  error: refusal(message, hint),
});

/** Why the old replica could not be destroyed in the end, as far as that is to be said before anything is sent. */
const inTheWay = (request: Request, { children, snapshots }: Replica): Replacement | undefined => {
  const { target } = request.pair;
  const [child] = children;
  if (child !== undefined) {
    const rename = onTarget(request, 'zfs', 'rename', target.dataset, `${target.dataset}_old`);
    const prime = zferry({ ...request, replace: false }, 'prime', '--recursive');
    return refuse(
      `${where(request.pair)} has datasets below it, such as ${child.name}, and is not replaced`,
      `for a tree, set its old replica aside and send all of it anew: ${rename} && ${prime}`,
    );
  }
  const cloned = snapshots.find(({ clones }) => clones.length > 0);
  if (cloned === undefined) return undefined;
  return refuse(
    `${cloned.name} on ${hostShown(target.host)} has a clone (${cloned.clones.join(', ')}), and is not replaced`,
    `if nobody needs the clone: ${onTarget(request, 'zfs', 'destroy', cloned.clones[0] ?? '')}`,
  );
};

/** Decides about a target whose name is taken. */
const decideBesideTarget = (
  request: Request,
  source: SourceListing,
  facts: TargetFacts,
  { target, fresh, aside }: Stage & { readonly target: Replica },
): Replacement => {
  const { dataset } = facts;
  if (dataset === undefined || (dataset.snapshots.length === 0 && dataset.resumeToken)) {
    return { kind: 'plain' };
  }
  const unfit = datasetProblem(request, dataset);
  if (unfit !== undefined) return { kind: 'refuse', error: unfit };
  if (aside !== undefined) {
    const isDone = fresh === undefined && commonBase(source, dataset) !== undefined;
    if (isDone) return { kind: 'finish' };
    return refuse(
      `${aside.dataset.name} on ${hostShown(request.pair.target.host)} is in the way: it is an old replica that was set aside before`,
      `if nobody needs it: ${onTarget(request, 'zfs', 'destroy', '-r', aside.dataset.name)}`,
    );
  }
  return inTheWay(request, target) ?? sendInto(fresh);
};

/** A first send that is not finished goes on as one; a finished one is brought up to date. */
const sendInto = (fresh: Replica | undefined): Replacement => ({
  kind: 'send',
  intent: fresh === undefined || fresh.snapshots.length === 0 ? 'prime' : 'run',
});

/**
 * Decides how a replacement begins, or goes on wherever an earlier one was interrupted. What tells how far
 * it came is only which of the three datasets there are.
 */
export const decideReplacement = (
  request: Request,
  source: SourceListing,
  facts: TargetFacts,
  stage: Stage,
): Replacement => {
  const problem = sourceProblem(request, source);
  if (problem !== undefined) return { kind: 'refuse', error: problem };
  const { target, fresh, aside } = stage;
  if (target !== undefined) return decideBesideTarget(request, source, facts, { ...stage, target });
  if (fresh === undefined && aside === undefined) return { kind: 'plain' };
  return sendInto(fresh);
};

/** Why an old replica that stands aside stays; undefined where it can go. */
export const asideProblem = ({ children, snapshots }: Replica): string | undefined => {
  if (snapshots.some(({ isHeld }) => isHeld)) return 'it is held';
  if (snapshots.some(({ clones }) => clones.length > 0)) return 'it has clones';
  return children.length > 0 ? 'it has datasets below it' : undefined;
};
