import { openAgentSession } from '../hosts/agent-session.ts';
import type { Tether } from '../hosts/tether.ts';
import { localZfs } from '../hosts/zfs-command.ts';
import { approachTarget } from './approach.ts';
import { deliver } from './deliver.ts';
import { agentKey, lockTyped } from './locking.ts';
import type { Observer, Progress } from './observer.ts';
import { prepare } from './prepare.ts';
import type { Request } from './request.ts';
import { settle } from './settle.ts';
import type { Story } from './story.ts';
import { chooseWire } from './wire.ts';

/**
 * One cycle for one pair. Writes what becomes known into `story`, also when it throws; throws a
 * ZferryError for everything that keeps the target from being verified. Answers 'already primed' where
 * `prime` had nothing to do. What it could not prune is in the story and no error.
 */
export const cycle = async (
  request: Request,
  story: Story,
  observer: Observer,
  tether: Tether,
): Promise<'replicated' | 'already primed'> => {
  const { pair, sudo, sshOptions } = request;
  const started = new Date();
  const lock = await lockTyped(pair, started, tether);
  const locked: Tether = { ...tether, locks: [lock.descriptor] };

  observer.step(`asking ${pair.target.typed}`);
  const options = { target: pair.target, key: agentKey(pair), sudo, sshOptions };
  const session = await openAgentSession(options, locked);
  try {
    const target = await approachTarget(request, session, started, locked);
    const reins: Tether = { ...locked, locks: [...locked.locks, target.lock.descriptor] };
    const zfs = localZfs(sudo, reins);
    const progress = (now: Progress) => {
      for (const held of [lock, target.lock]) held.report(now);
      observer.progress(now);
    };
    const watched = { ...observer, progress };
    const situation = { request, session, zfs, ...target, story, observer: watched, tether: reins };

    const wire = chooseWire(request, target.facts);
    const delivery = await prepare(situation);
    if (delivery === 'already primed') return delivery;
    await deliver(situation, delivery, wire);

    observer.step('recording and pruning');
    await settle(situation, delivery);
    return 'replicated';
  } finally {
    await session.close();
  }
};
