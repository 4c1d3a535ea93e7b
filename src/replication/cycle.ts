import { openAgentSession } from '../hosts/agent-session.ts';
import type { Lock } from '../hosts/lock.ts';
import type { Tether } from '../hosts/tether.ts';
import { localZfs } from '../hosts/zfs-command.ts';
import { approachTarget, returnToTarget } from './approach.ts';
import { deliver } from './deliver.ts';
import { agentKey, lockTyped } from './locking.ts';
import type { Observer, Progress } from './observer.ts';
import { prepare } from './prepare.ts';
import type { Request } from './request.ts';
import { settle } from './settle.ts';
import type { Story } from './story.ts';
import { StuckPartial } from './stuck.ts';
import { chooseWire } from './wire.ts';

/** What a cycle came to that did not throw. */
type Outcome = 'replicated' | 'already primed';

/** A run that holds the lock of its pair. */
interface Run {
  readonly request: Request;
  readonly story: Story;
  readonly observer: Observer;
  readonly started: Date;
  readonly lock: Lock;
}

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
): Promise<Outcome> => {
  const started = new Date();
  const lock = await lockTyped(request.pair, started, tether);
  const run = { request, story, observer, started, lock };
  const locked: Tether = { ...tether, locks: [lock.descriptor] };
  try {
    return await attempt(run, locked);
  } catch (error) {
    if (!(error instanceof StuckPartial)) throw error;
    // It would stop all cycles to come: once more, without it.
    story.notes.push(`a partial receive was refused: ${error.message}`);
    return await attempt(run, locked, error);
  }
};

const attempt = async (
  { request, story, observer, started, lock }: Run,
  tether: Tether,
  stuck?: StuckPartial,
): Promise<Outcome> => {
  const { pair, sudo, sshOptions } = request;
  observer.step(`asking ${pair.target.typed}`);
  const options = { target: pair.target, key: agentKey(pair), sudo, sshOptions };
  const session = await openAgentSession(options, tether);
  try {
    const target = stuck
      ? await returnToTarget(request, session, stuck.target)
      : await approachTarget(request, session, started, tether);
    const reins: Tether = { ...tether, locks: [...tether.locks, target.lock.descriptor] };
    const zfs = localZfs(sudo, reins);
    const progress = (now: Progress) => {
      for (const held of [lock, target.lock]) held.report(now);
      observer.progress(now);
    };
    const watched = { ...observer, progress };
    const situation = {
      ...{ request, session, zfs, ...target, stuck: stuck?.token },
      ...{ story, observer: watched, tether: reins },
    };

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
