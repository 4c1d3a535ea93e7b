import { asZferryError } from '../../errors.ts';
import { snapshotName } from '../../zfs/names.ts';
import { type CycleEnd, cycle } from '../cycle.ts';
import { tellStory } from '../deliver.ts';
import { leaveWord } from '../early.ts';
import { targetProblem } from '../plan.ts';
import type { Request, Tree } from '../request.ts';
import { retract } from '../retract.ts';
import type { Run } from '../run.ts';
import type { Situation } from '../situation.ts';
import type { Story } from '../story.ts';
import { visit } from '../visit.ts';
import { chooseWire, fitted, type Wire } from '../wire.ts';
import type { Passenger } from './convoy.ts';
import { TreeHeadStart } from './head-start.ts';
import { inLanes } from './lanes.ts';
import { emptyStory, Ledger } from './ledger.ts';
import { membersOf, orphansOf } from './members.ts';
import { TreeIncomplete } from './outcome.ts';
import { prepareAll } from './prepare-members.ts';
import { Records } from './record-members.ts';
import { listTree } from './sight.ts';
import { beginTree, labelsThere, type TreeBeginning } from './snapshot-tree.ts';
import { foreignRootProblem } from './strangers.ts';

/** The datasets between the target's pool and the target, made where a first full send finds them missing. */
const withParents = async (situation: Situation): Promise<Situation> => {
  const { request, facts, session, zfs, id, observer } = situation;
  const isMissing = facts.dataset === undefined && !facts.parentExists && !facts.hasAside;
  if (request.intent !== 'prime' || !isMissing) return situation;
  // Where the source is gone or was mistyped, nothing is made.
  await listTree(zfs, request.pair.source.dataset, id);
  observer.step('making the datasets above the target');
  return { ...situation, facts: await session.makeParents() };
};

/** One for all streams: where any of them gets smaller by a compressor, all go through it. */
const wireFor = (proposed: Wire, passengers: readonly Passenger[]): Wire => {
  const wires = passengers.map(({ situation, delivery: { source, stream } }) =>
    fitted(proposed, situation.request, source, stream),
  );
  return wires.find(({ compression }) => compression !== 'none') ?? wires[0] ?? proposed;
};

/**
 * Makes the snapshot, or goes on with the one that an earlier session of this run has made. Throws where the target is
 * not this tree's, with nothing left behind.
 */
const begin = async (
  situation: Situation,
  tree: Tree,
  { label }: Ledger,
  headStart: TreeHeadStart,
): Promise<Pick<TreeBeginning, 'label' | 'listings'>> => {
  const { request, zfs, id, facts } = situation;
  if (label !== undefined) {
    return { label, listings: await listTree(zfs, request.pair.source.dataset, id) };
  }
  const begun =
    (await headStart.take(id, facts)) ?? (await beginTree(situation, tree, labelsThere(situation)));
  const problem = await foreignRootProblem(situation, begun.listings).catch(asZferryError);
  return problem === undefined ? begun : await retract(situation, begun.names, problem);
};

/** One session's work; answers whether there is something left for another one. */
const round = async (
  seen: Situation,
  tree: Tree,
  ledger: Ledger,
  headStart: TreeHeadStart,
): Promise<boolean> => {
  const situation = await withParents({ ...seen, zfs: seen.from.gatheredZfs(seen.tether) });
  const { request, facts, observer, story } = situation;
  const unfit = facts.dataset === undefined ? targetProblem(request, facts) : undefined;
  if (unfit !== undefined) throw unfit;
  // That a compressor is missing is said before anything is made.
  const proposed = chooseWire(request, facts, situation.from);
  const isFirst = ledger.label === undefined;
  const { label, listings } = await begin(situation, tree, ledger, headStart);
  ledger.label = label;
  ledger.target = situation.id;
  story.snapshot = label;
  if (isFirst) {
    ledger.members = membersOf(request.pair, tree, listings.keys());
    const below = [...facts.below.keys()];
    const orphans = orphansOf(request.pair, tree, below, new Set<string>(listings.keys()));
    story.notes.push(...orphans.map((name) => `${name} has no source any more, and stays`));
  }
  const passengers = await prepareAll(situation, ledger, label, listings);
  if (passengers.size === 0) return false;
  const wire = wireFor(proposed, [...passengers.keys()]);
  for (const { situation: own, delivery } of passengers.keys()) {
    tellStory(own.story, own.request, delivery, wire);
  }
  story.compression = wire.compression;
  if (isFirst && wire.note !== undefined) story.notes.push(wire.note);
  observer.step(`sending ${passengers.size} datasets`);
  const records = new Records(ledger, label, passengers);
  const all = [...passengers.keys()];
  const { results, broken } = await inLanes(situation, all, wire, records.begin);
  observer.step('recording and pruning');
  const isAnyFurther = await records.end(results);
  if (broken !== undefined) throw broken;
  return isAnyFurther && ledger.members.some((member) => ledger.isOpen(member));
};

/** A cycle of its own for a member that had to be rid of something first. */
const carryAlone = async (
  run: Run,
  request: Request,
  { member, request: own, beginning }: Ledger['alone'][number],
  ledger: Ledger,
): Promise<void> => {
  const story = emptyStory();
  try {
    await cycle({ ...run, story }, { ...own, intent: request.intent }, beginning);
    if (ledger.label !== undefined) {
      run.member.share.arrived(snapshotName(member.pair.source.dataset, ledger.label));
    }
    ledger.stories.add(story);
  } catch (error) {
    run.tether.signal.throwIfAborted();
    ledger.fail(member, error, story);
  }
};

const total = (numbers: readonly (number | undefined)[]): number =>
  numbers.reduce<number>((sum, each) => sum + (each ?? 0), 0);

/** The members' stories as one. */
const sumUp = (story: Story, { stories, failures, members }: Ledger): void => {
  const all = [...new Set([...stories, ...failures.map((each) => each.story)])];
  const [first, ...others] = new Set([...stories].map(({ kind }) => kind));
  story.kind = first !== undefined && others.length === 0 ? first : 'incremental';
  story.bytes = total(all.map(({ bytes }) => bytes));
  const carried = total(all.map((each) => each.carried));
  if (carried > 0) story.carried = carried;
  story.kept = [...story.kept, ...all.flatMap(({ kept }) => kept)];
  if (failures.length === 0) story.notes.unshift(`${members.length} datasets`);
  story.notes.push(...new Set(all.flatMap((each) => each.notes)));
};

/**
 * One cycle for a tree: one snapshot of all members at one moment, each with its own base and plan, sent one behind the
 * other in one session. A member in trouble keeps no other: where its stream breaks off, another session goes on
 * behind it. Throws TreeIncomplete when a member is not current in the end, and as a cycle does for what concerns all.
 */
export const treeCycle = async (run: Run, request: Request, tree: Tree): Promise<CycleEnd> => {
  const ledger = new Ledger();
  const headStart = new TreeHeadStart(run, tree);
  const work = (situation: Situation) => round(situation, tree, ledger, headStart);
  try {
    let goesOn = true;
    while (goesOn) goesOn = await visit(run, work, request, headStart);
  } finally {
    await headStart.drop();
  }
  for (const each of ledger.alone) await carryAlone(run, request, each, ledger);
  for (const member of ledger.members) {
    if (ledger.isOpen(member)) ledger.fail(member, 'its stream was not begun', emptyStory());
  }
  sumUp(run.story, ledger);
  const { failures, members, primed, target } = ledger;
  if (failures.length > 0) throw new TreeIncomplete(failures, members.length);
  if (target !== undefined) leaveWord(run, { target, clean: undefined });
  return primed > 0 && primed === members.length ? 'already primed' : 'replicated';
};
