import type { Tether } from '../hosts/tether.ts';
import { type CycleEnd, cycle } from './cycle.ts';
import type { Observer } from './observer.ts';
import { replace } from './replace.ts';
import type { Request } from './request.ts';
import { beginRun } from './run.ts';
import type { Story } from './story.ts';
import { treeCycle } from './tree/tree-cycle.ts';

/** Does what was asked for one pair, from its lock to its end. Throws PairBusy, and as {@link cycle} does. */
export const carryOut = async (
  request: Request,
  story: Story,
  observer: Observer,
  tether: Tether,
): Promise<CycleEnd> => {
  const run = await beginRun(request, story, observer, tether);
  if (request.tree !== undefined) return await treeCycle(run, request, request.tree);
  return request.replace ? await replace(run) : await cycle(run, request);
};
