import type { SnapshotLabel } from '../zfs/names.ts';
import { asideSuffix, siblingOf } from '../zfs/siblings.ts';
import { deliver } from './deliver.ts';
import { deliverAndSettle } from './deliver-and-settle.ts';
import { deliverSteps } from './deliver-steps.ts';
import { leaveWord } from './early.ts';
import { type Beginning, HeadStart } from './head-start.ts';
import { LargeBlocksLearned } from './large-blocks.ts';
import type { Clean } from './memory.ts';
import { HeadChanged } from './plan.ts';
import { prepare } from './prepare.ts';
import { beginWith } from './prepare-new.ts';
import { isTidyAfter } from './pruning.ts';
import type { Request } from './request.ts';
import type { Run } from './run.ts';
import { settle } from './settle.ts';
import { BaseGone, shortCycle } from './short-cycle.ts';
import type { Arrival, ShortArrival, Situation } from './situation.ts';
import { StuckPartial } from './stuck.ts';
import type { TargetId } from './target-id.ts';
import { visit } from './visit.ts';
import { chooseWire, fitted } from './wire.ts';

/** What came of a cycle that did not throw. */
export type CycleEnd = 'replicated' | 'already primed';

/** What a reader of the log should know before anything is sent. */
const notesOf = ({ request, facts, stuck }: Arrival): string[] => [
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

/** What came of one session, and what the next run may go by. */
interface Outcome {
  readonly end: CycleEnd | GoesOn;
  readonly clean: Clean | undefined;
}

/** Of one after which the next run has to list all. */
const only = (end: Outcome['end']): Outcome => ({ end, clean: undefined });

/** One session's work: decides, sends, verifies, records. */
const once = async (situation: Situation, started: Date): Promise<Outcome> => {
  const { request, facts, story, from } = situation;
  story.notes = notesOf(situation);
  const wire = chooseWire(request, facts, from);
  const delivery = await prepare(situation);
  if (delivery === 'already primed') return only(delivery);
  const ownWire = fitted(wire, request, delivery.source, delivery.stream);
  if (delivery.before.length > 0) {
    const isWhole = await deliverSteps(situation, delivery, ownWire);
    if (!isWhole) return only({ label: delivery.sent.label });
    situation.observer.step('recording and pruning');
    await settle(situation, delivery);
    return only('replicated');
  }
  // The partial receive of one of them goes on first.
  if (delivery.isCargo) {
    await deliver(situation, delivery, ownWire);
    return only({ label: undefined });
  }
  const { isDone, prune } = await deliverAndSettle(situation, delivery, ownWire);
  const there = facts.dataset?.snapshots ?? [];
  const isClean = isDone && story.kept.length === 0 && isTidyAfter(there, prune, request.series);
  const { label, guid } = delivery.sent;
  const clean = { label, guid, listed: started.getTime() };
  return { end: 'replicated', clean: isClean ? clean : undefined };
};

/** The same without listing any snapshots; undefined where they have to be listed. */
const inShort = async (
  arrival: ShortArrival,
  headStart: HeadStart | undefined,
): Promise<Outcome | undefined> => {
  if (headStart === undefined) return undefined;
  arrival.story.notes = notesOf(arrival);
  const clean = await shortCycle(arrival, headStart);
  if (clean === undefined) return undefined;
  return { end: 'replicated', clean: clean === 'unclean' ? undefined : clean };
};

const remember = (run: Run, target: TargetId, { end, clean }: Outcome): void => {
  if (typeof end !== 'object') leaveWord(run, { target, clean });
};

/** One session's work, and the next run is told of it. */
const remembered = async (
  run: Run,
  isOwn: boolean,
  situation: Situation,
): Promise<Outcome['end']> => {
  const outcome = await once(situation, run.started);
  if (isOwn) remember(run, situation.id, outcome);
  return outcome.end;
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
  if (error instanceof BaseGone || error instanceof LargeBlocksLearned) return {};
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
      (situation) => remembered(run, isOwn, { ...situation, beginning, headStart }),
      request,
      headStart,
      async (arrival) => {
        const outcome = await inShort(arrival, headStart);
        if (outcome !== undefined) remember(run, arrival.id, outcome);
        return outcome?.end;
      },
    );
  } catch (error) {
    // Only zfs receive saw what is wrong, and a session carries one stream: the remedy needs another.
    const remedy = remedyFor(request, error);
    if (remedy === undefined) throw error;
    if (error instanceof Error) run.observer.step(error.message);
    // A refused stream's snapshot is gone again; that of a partial receive was not sent yet.
    const again = remedy.stuck === undefined ? {} : { beginning };
    const retry = async (situation: Situation) =>
      (await once({ ...situation, ...remedy, ...again }, run.started)).end;
    return await visit(run, retry, request);
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
