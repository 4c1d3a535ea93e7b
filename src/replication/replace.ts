import { asZferryError, failure } from '../errors.ts';
import { hostShown, nameOn } from '../hosts/place.ts';
import type { SourceListing } from '../zfs/listing.ts';
import { markProperty } from '../zfs/marks.ts';
import { type Guid, snapshotName } from '../zfs/names.ts';
import { freshSuffix, siblingOf } from '../zfs/siblings.ts';
import { bookmarked, bookmarkOf } from './bookmarking.ts';
import { type CycleEnd, cycle } from './cycle.ts';
import { onTarget, where } from './hints.ts';
import { commonBase } from './plan.ts';
import { dropRecords } from './records.ts';
import {
  asideProblem,
  beside,
  decideReplacement,
  type Replacement,
  type Stage,
  stageOf,
} from './replacement.ts';
import type { Run } from './run.ts';
import { recordStream } from './series-stream.ts';
import { settle } from './settle.ts';
import type { Situation } from './situation.ts';
import { lookAtSource } from './survey.ts';
import { type TargetId, targetIdOf } from './target-id.ts';
import { visit } from './visit.ts';

/** What was seen of both sides, and what that leads to. */
interface View {
  readonly source: SourceListing;
  readonly stage: Stage;
  readonly next: Exclude<Replacement, { kind: 'refuse' }>;
}

/** Looks at both sides. Throws the refusal. */
const look = async ({ request, session, zfs, id, facts }: Situation): Promise<View> => {
  const source = await lookAtSource(zfs, request.pair.source.dataset, id);
  const stage = stageOf(request, await session.inspect());
  const next = decideReplacement(request, source, facts, stage);
  if (next.kind === 'refuse') throw next.error;
  return { source, stage, next };
};

const freshIdOf = ({ request, facts }: Situation): TargetId =>
  targetIdOf(facts.poolGuid as Guid, siblingOf(request.pair.target.dataset, freshSuffix));

/** What was made for the fresh replica belongs to the target now; the fresh one's own records go. */
const handOver = async (situation: Situation, source: SourceListing): Promise<void> => {
  const { request, zfs, id } = situation;
  const { dataset } = request.pair.source;
  const freshId = freshIdOf(situation);
  for (const { label, mark } of source.snapshots) {
    if (mark !== freshId) continue;
    const name = snapshotName(dataset, label);
    const { exitCode } = await zfs.ask(['set', `${markProperty}=${id}`, name]);
    // It was pruned a moment ago; what cannot be marked just stays.
    if (exitCode !== 0) situation.observer.step(`${name} keeps its mark`);
  }
  await dropRecords(zfs, dataset, source, freshId);
};

/** Destroys the old replica that stands aside, and says so before; where something needs it, says that it stays. */
const discardAside = async (situation: Situation): Promise<void> => {
  const { request, session, story, observer } = situation;
  const { aside } = stageOf(request, await session.inspect());
  if (aside === undefined) return;
  const host = hostShown(request.pair.target.host);
  const { name, guid } = aside.dataset;
  const stays = (reason: string) => {
    observer.announce(
      `keeping the old replica ${name} on ${host}: ${reason}; once it can go: ${onTarget(request, 'zfs', 'destroy', '-r', name)}`,
    );
    story.kept = [
      ...story.kept,
      { name: nameOn(request.pair.target.host, name), reason, inUse: true },
    ];
  };
  const problem = asideProblem(aside);
  if (problem !== undefined) return stays(problem);
  observer.announce(`destroying the old replica ${name} on ${host}`);
  for (const snapshot of aside.snapshots) {
    observer.announce(`destroying ${snapshot.name} on ${host}`);
  }
  try {
    await session.discard(guid);
  } catch (error) {
    // The new replica is in its place, and verified: that counts.
    stays(asZferryError(error).message);
  }
};

/**
 * Lets the new replica take the old one's place. The source's records of the target go over to the new one
 * while there is no target: then no cycle can work with them, however this is cut short.
 */
const changePlaces = async (situation: Situation): Promise<void> => {
  const { request, session, story, observer } = situation;
  const { source: seen, stage } = await look(situation);
  const { target, fresh } = stage;
  const sent = seen.snapshots.find(({ guid }) => guid === story.guid);
  const arrived = fresh?.snapshots.some(({ guid }) => guid === story.guid);
  if (fresh === undefined || sent === undefined || !arrived) {
    throw failure(`the new replica beside ${where(request.pair)} is not what was sent`);
  }
  const source = await bookmarked(situation, seen, sent, false);
  observer.step(`putting ${fresh.dataset.name} in the place of ${request.pair.target.dataset}`);
  if (target !== undefined) await session.setAside(target.dataset.guid);
  await recordStream(situation, source);
  await session.promote(fresh.dataset.guid);
  await settle(situation, { source, sent, replaced: undefined });
  await handOver(situation, source);
  await discardAside(situation);
};

/** Clears up after a replacement that was cut short when both had changed places already. */
const finish = async (situation: Situation, listed: SourceListing): Promise<void> => {
  const { id, facts } = situation;
  const base = facts.dataset && commonBase(listed, facts.dataset);
  if (base?.kind === 'snapshot') {
    const source = await bookmarked(situation, listed, base, false);
    await settle(situation, { source, sent: base, replaced: undefined });
  }
  // The bookmark may be all that is left of the base.
  const isRecorded =
    base?.kind === 'snapshot' || (base && bookmarkOf(listed, id, base.guid) !== undefined);
  if (isRecorded) await handOver(situation, listed);
  await discardAside(situation);
};

const begin = async (situation: Situation): Promise<View['next']> => {
  const { request, observer } = situation;
  const { source, stage, next } = await look(situation);
  if (next.kind === 'finish') await finish(situation, source);
  if (next.kind === 'send' && stage.target !== undefined) {
    const { dataset } = beside(request, next.intent).pair.target;
    observer.announce(
      `sending ${request.pair.source.dataset} anew beside ${where(request.pair)}, as ${dataset}; once that is verified, the old replica is destroyed`,
    );
  }
  return next;
};

/**
 * `prime --replace`: a full send beside the old replica, which is destroyed when the new one is verified and
 * in its place. Goes on wherever an earlier one was interrupted. Throws as a cycle does.
 */
export const replace = async (run: Run): Promise<CycleEnd> => {
  const { request } = run;
  const next = await visit(run, begin);
  if (next.kind === 'finish') return 'already primed';
  if (next.kind === 'plain') return await cycle(run, request);
  await cycle(run, beside(request, next.intent));
  await visit(run, changePlaces);
  return 'replicated';
};
