import type { Tether } from '../hosts/tether.ts';
import { localZfs } from '../hosts/zfs-command.ts';
import type { Member } from './company.ts';
import { type CycleEnd, cycle } from './cycle.ts';
import type { Observer } from './observer.ts';
import { replace } from './replace.ts';
import type { Request } from './request.ts';
import { beginRun, endRun, type Run } from './run.ts';
import type { Story } from './story.ts';
import { takingBack } from './taking-back.ts';
import { treeCycle } from './tree/tree-cycle.ts';

const begun = async (run: Run): Promise<CycleEnd> => {
  const { request } = run;
  if (request.tree !== undefined) return await treeCycle(run, request, request.tree);
  return request.replace ? await replace(run) : await cycle(run, request);
};

/**
 * Does what was asked for one pair, from its lock to its end. Throws PairBusy, a usage error where another member
 * of its company is the same target, and as {@link cycle} does.
 */
export const carryOut = async (
  request: Request,
  story: Story,
  observer: Observer,
  tether: Tether,
  member: Member,
): Promise<CycleEnd> => {
  let run: Run | undefined;
  let end: CycleEnd | undefined;
  try {
    run = await beginRun(request, story, observer, tether, member);
    end = await begun(run);
    return end;
  } finally {
    // A run that did not come to a source on another host has made nothing there: it is alone with its target.
    const source = run?.source ?? { zfs: (reins: Tether) => localZfs(request.sudo, reins) };
    const side = { source, tether: run?.tether ?? tether, story };
    await takingBack(side, ["this run's snapshot"], (zfs) =>
      member.share.end(zfs, end === 'replicated'),
    );
    member.leaves();
    if (run !== undefined) await endRun(run);
  }
};
