import { asideSuffix, siblingOf } from '../zfs/siblings.ts';
import { deliver } from './deliver.ts';
import { type Beginning, HeadStart } from './head-start.ts';
import { HeadChanged } from './plan.ts';
import { prepare } from './prepare.ts';
import type { Request } from './request.ts';
import type { Run } from './run.ts';
import { settle } from './settle.ts';
import type { Situation } from './situation.ts';
import { StuckPartial } from './stuck.ts';
import { visit } from './visit.ts';
import { chooseWire, fitted } from './wire.ts';

/** What came of a cycle that did not throw. */
export type CycleEnd = 'replicated' | 'already primed';

/** What a reader of the log should know before anything is sent. */
const notesOf = ({ request, facts, stuck }: Situation): string[] => [
  ...(stuck === undefined ? [] : [`a partial receive was refused: ${stuck.message}`]),
  // Only where it is there: not every target's name leaves room for one beside it.
  ...(facts.hasAside
    ? [
        `${siblingOf(request.pair.target.dataset, asideSuffix)} is still there, left by prime --replace`,
      ]
    : []),
];

/** One session's work: decides, sends, verifies, records. */
const once = async (situation: Situation): Promise<CycleEnd> => {
  const { request, facts, story, from } = situation;
  story.notes = notesOf(situation);
  const wire = chooseWire(request, facts, from);
  const delivery = await prepare(situation);
  if (delivery === 'already primed') return delivery;
  await deliver(situation, delivery, fitted(wire, request, delivery.source, delivery.stream));
  situation.observer.step('recording and pruning');
  await settle(situation, delivery);
  return 'replicated';
};

/** The same, and tells the next run which target it was. */
const remembered = async (run: Run, situation: Situation): Promise<CycleEnd> => {
  const end = await once(situation);
  if (situation.request === run.request) run.lock.remember(situation.id);
  return end;
};

/** What the target has to be rid of before a second try; undefined where there is none. */
const remedyFor = (
  request: Request,
  error: unknown,
): Pick<Situation, 'wasRefused' | 'stuck'> | undefined => {
  if (request.rollback && error instanceof HeadChanged) return { wasRefused: true };
  return error instanceof StuckPartial ? { stuck: error } : undefined;
};

/**
 * One cycle for one target. Writes what becomes known into the run's story, also when it throws; throws a
 * ZferryError for everything that keeps the target from being verified. Answers 'already primed' where
 * `prime` had nothing to do. What it could not prune is in the story and no error.
 */
export const cycle = async (
  run: Run,
  request: Request,
  beginning?: Beginning,
): Promise<CycleEnd> => {
  const headStart = request === run.request ? new HeadStart(run) : undefined;
  try {
    return await visit(
      run,
      (situation) => remembered(run, { ...situation, beginning }),
      request,
      headStart,
    );
  } catch (error) {
    // Only zfs receive saw what is wrong, and a session carries one stream: the remedy needs another.
    const remedy = remedyFor(request, error);
    if (remedy === undefined) throw error;
    if (error instanceof Error) run.observer.step(error.message);
    // A refused stream's snapshot is gone again; that of a partial receive was not sent yet.
    const again = remedy.stuck === undefined ? {} : { beginning };
    return await visit(run, (situation) => once({ ...situation, ...remedy, ...again }), request);
  } finally {
    await headStart?.drop();
  }
};
