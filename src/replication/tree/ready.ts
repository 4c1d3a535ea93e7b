import { failure } from '../../errors.ts';
import { isUnfinishedPrime } from '../carrying.ts';
import type { Delivery } from '../delivery.ts';
import { originGuid } from '../origin.ts';
import { decide, decidePartial, sourceProblem, targetProblem } from '../plan.ts';
import { mustRollBack, prepareResume } from '../prepare.ts';
import { prepareNew } from '../prepare-new.ts';
import type { BegunSituation } from '../situation.ts';
import { lookIntoToken } from '../survey.ts';
import { adopt, recalled } from './adopt.ts';

/** What comes of a member before anything of it is sent. */
export type Ready =
  | { readonly kind: 'to send'; readonly delivery: Delivery }
  /** Nothing has to be sent; the tree's snapshot is still there. */
  | { readonly kind: 'already primed' }
  /** It needs more than one stream and its report: a session of its own. */
  | { readonly kind: 'by itself' };

/**
 * Makes a member of a tree ready to be sent with the others: as a cycle of its own would, but with the tree's snapshot.
 * Throws the refusal; what was made for the member is gone then.
 */
export const makeReady = async (seen: BegunSituation): Promise<Ready> => {
  const situation = await recalled(seen);
  const { request, facts, zfs, id, share, beginning } = situation;
  const target = facts.dataset;
  const { source, made } = beginning;
  const { dataset } = request.pair.target;
  if (target === undefined && !facts.parentExists) {
    await share.takeBack(zfs, made);
    throw failure(`${dataset} cannot be made: the dataset above it is not there`);
  }
  const refusal = sourceProblem(request, source) ?? targetProblem(request, facts);
  if (refusal !== undefined) {
    await share.takeBack(zfs, made);
    throw refusal;
  }
  if (target?.resumeToken !== undefined) {
    if (request.abortPartial || mustRollBack(situation, target)) return { kind: 'by itself' };
    const contents = await lookIntoToken(zfs, target.resumeToken);
    const origin = await originGuid(zfs, source);
    const plan = decidePartial(request, source, target, contents, { origin });
    if (plan.kind === 'give up') return { kind: 'by itself' };
    if (plan.kind === 'resume') {
      await adopt(situation);
      const delivery = await prepareResume(situation, source, target, plan);
      return { kind: 'to send', delivery };
    }
    await share.takeBack(zfs, made);
    throw plan.error;
  }
  if (target !== undefined && mustRollBack(situation, target)) return { kind: 'by itself' };
  if (request.intent === 'prime' && target !== undefined) {
    const plan = decide(request, source, facts);
    if (plan.kind === 'already primed' && isUnfinishedPrime(source, id, plan.base)) {
      return await makeReady({ ...situation, request: { ...request, intent: 'run' } });
    }
    if (plan.kind === 'already primed') return { kind: plan.kind };
  }
  if (decide(request, source, facts).kind === 'incremental') await adopt(situation);
  return { kind: 'to send', delivery: await prepareNew(situation, beginning) };
};
