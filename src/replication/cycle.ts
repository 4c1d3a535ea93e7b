import type { SnapshotLabel } from '../zfs/names.ts';
import { asideSuffix, siblingOf } from '../zfs/siblings.ts';
import { deliver } from './deliver.ts';
import { deliverSteps } from './deliver-steps.ts';
import { type Beginning, HeadStart } from './head-start.ts';
import { HeadChanged } from './plan.ts';
import { beginWith, prepare } from './prepare.ts';
import type { Request } from './request.ts';
import type { Run } from './run.ts';
import { Settlement } from './settle.ts';
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

/** Only snapshots of others have arrived so far: another session goes on, with the new snapshot where one was made. */
interface GoesOn {
  readonly label: SnapshotLabel | undefined;
}

/** One session's work: decides, sends, verifies, records. */
const once = async (situation: Situation): Promise<CycleEnd | GoesOn> => {
  const { request, facts, story, from } = situation;
  story.notes = notesOf(situation);
  const wire = chooseWire(request, facts, from);
  const delivery = await prepare(situation);
  if (delivery === 'already primed') return delivery;
  const ownWire = fitted(wire, request, delivery.source, delivery.stream);
  const settlement = new Settlement(situation, delivery);
  const told = () => {
    if (!settlement.isBegun) situation.observer.step('recording and pruning');
    return settlement;
  };
  if (delivery.before.length > 0) {
    if (!(await deliverSteps(situation, delivery, ownWire))) return { label: delivery.sent.label };
  } else if (delivery.isCargo) {
    await deliver(situation, delivery, ownWire);
    // The partial receive of one of them goes on first.
    return { label: undefined };
  } else {
    const sending = deliver(situation, delivery, ownWire, () => void told().prune());
    await sending.finally(() => settlement.idle());
  }
  await told().end();
  return 'replicated';
};

/** The same, and tells the next run which target it was. */
const remembered = async (
  run: Run,
  isOwn: boolean,
  situation: Situation,
): Promise<CycleEnd | GoesOn> => {
  const end = await once(situation);
  if (isOwn && typeof end !== 'object') run.lock.remember(situation.id);
  return end;
};

/** Takes up what a session has left to do, with the story of all. Throws as a cycle does. */
const goOn = async (run: Run, request: Request, { label }: GoesOn): Promise<CycleEnd | GoesOn> => {
  const { story } = run;
  const { kind, base, notes, bytes = 0 } = story;
  story.bytes = 0;
  try {
    // The first session has done what the flags asked for.
    const rest: Request = { ...request, intent: 'run', abortPartial: false, rollback: false };
    return await visit(
      run,
      async (situation) => {
        const beginning = label && (await beginWith(situation, label));
        return await remembered(run, request === run.request, { ...situation, beginning });
      },
      rest,
    );
  } finally {
    Object.assign(story, { kind, base, notes: [...new Set([...notes, ...story.notes])] });
    story.bytes += bytes;
  }
};

/** What the target has to be rid of before a second try; undefined where there is none. */
const remedyFor = (
  request: Request,
  error: unknown,
): Pick<Situation, 'wasRefused' | 'stuck'> | undefined => {
  if (request.rollback && error instanceof HeadChanged) return { wasRefused: true };
  return error instanceof StuckPartial ? { stuck: error } : undefined;
};

/** The first session, and one more where the target has to be rid of something first. */
const begin = async (
  run: Run,
  request: Request,
  beginning: Beginning | undefined,
): Promise<CycleEnd | GoesOn> => {
  const isOwn = request === run.request;
  const headStart = isOwn ? new HeadStart(run) : undefined;
  try {
    return await visit(
      run,
      (situation) => remembered(run, isOwn, { ...situation, beginning }),
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
  let end = await begin(run, request, beginning);
  while (typeof end === 'object') end = await goOn(run, request, end);
  return end;
};
