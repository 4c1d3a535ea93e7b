import { failure } from '../errors.ts';
import type { Host } from '../hosts/place.ts';
import type { SourceHost } from '../hosts/source-host.ts';
import type { Tether } from '../hosts/tether.ts';
import { type Zfs, zfsOf } from '../hosts/zfs-command.ts';
import type { Member } from './company.ts';
import { type CycleEnd, cycle } from './cycle.ts';
import type { Observer } from './observer.ts';
import { replace } from './replace.ts';
import type { Request } from './request.ts';
import { beginRun, endRun, type Run } from './run.ts';
import type { Story } from './story.ts';
import { takingBack } from './taking-back.ts';
import { treeCycle } from './tree/tree-cycle.ts';

/** A source that nobody has come to. */
const unreached = (): Zfs => {
  const host: Host = { kind: 'here' };
  return zfsOf(
    () => Promise.reject(failure('nobody came to the source')),
    host,
    () => '',
  );
};
const nowhere: Pick<SourceHost, 'zfs' | 'gatheredZfs'> = { zfs: unreached, gatheredZfs: unreached };

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
    // What is to go may have been made by another cycle of this run; where none came to the source, nothing was.
    const source = run?.source ?? member.source() ?? nowhere;
    const zfs = request.tree === undefined ? source.zfs : source.gatheredZfs;
    const side = { source: { zfs }, tether: run?.tether ?? tether, story };
    await takingBack(side, ["this run's snapshot"], (at) =>
      member.share.end(at, end === 'replicated'),
    );
    await member.leaves();
    if (run !== undefined) await endRun(run);
  }
};
