import { asZferryError } from '../../errors.ts';
import { gatheredZfs } from '../../hosts/gathered-zfs.ts';
import type { Zfs } from '../../hosts/zfs-command.ts';
import { zfsSaid } from '../../hosts/zfs-command.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import {
  type DatasetName,
  parseDatasetName,
  type SnapshotLabel,
  snapshotName,
} from '../../zfs/names.ts';
import { type CycleEnd, cycle } from '../cycle.ts';
import { conclude, tellStory } from '../deliver.ts';
import type { Beginning } from '../head-start.ts';
import { HeadChanged } from '../plan.ts';
import type { Request, Tree } from '../request.ts';
import type { Run } from '../run.ts';
import { settle } from '../settle.ts';
import type { BegunSituation, Situation } from '../situation.ts';
import { makeSnapshot } from '../snapshot.ts';
import type { Story } from '../story.ts';
import { StuckPartial } from '../stuck.ts';
import { sourceFailure } from '../survey.ts';
import type { TransferResult } from '../transfer.ts';
import { visit } from '../visit.ts';
import { chooseWire } from '../wire.ts';
import { released } from './adopt.ts';
import { type ConvoyResult, convoy, type Passenger, passengerOf } from './convoy.ts';
import { type Member, memberRequest, membersOf, orphansOf } from './members.ts';
import { type MemberFailure, TreeIncomplete } from './outcome.ts';
import { makeReady } from './ready.ts';
import { factsOf, isNewHere, listTree } from './sight.ts';

/** More streams than that in one session, and its command line could become too long for this host. */
const longestConvoy = 500;

/** What is known of each member so far. */
class Ledger {
  label: SnapshotLabel | undefined;
  members: readonly Member[] = [];
  readonly failures: MemberFailure[] = [];
  readonly stories: Story[] = [];
  /** Members that need a session of their own, and what they begin with. */
  readonly alone: { readonly member: Member; readonly beginning: Beginning | undefined }[] = [];
  primed = 0;
  readonly #done = new Set<string>();

  isOpen({ path }: Member): boolean {
    return !this.#done.has(path);
  }

  close({ path }: Member): void {
    this.#done.add(path);
  }

  leave(alone: Ledger['alone'][number]): void {
    this.close(alone.member);
    this.alone.push(alone);
  }

  fail(member: Member, error: unknown, story: Story): void {
    this.close(member);
    const { source, target } = member.pair;
    const failure = { source: source.dataset, target: target.typed, error: asZferryError(error) };
    this.failures.push({ ...failure, story });
  }
}

const emptyStory = (): Story => ({ notes: [], kept: [] });

/** The datasets to take a snapshot of; `tree` where none is left out. */
const extentOf = async (
  zfs: Zfs,
  { pair }: Request,
  tree: Tree,
): Promise<'tree' | readonly DatasetName[]> => {
  if (tree.exclude.length === 0 && tree.maxDepth === undefined) return 'tree';
  const root = pair.source.dataset;
  const listed = await zfs.ask(['list', '-H', '-r', '-t', 'filesystem,volume', '-o', 'name', root]);
  if (listed.exitCode !== 0) throw await sourceFailure(zfs, root, zfsSaid(listed));
  const names = listed.stdout.split('\n').filter(Boolean).map(parseDatasetName);
  return membersOf(pair, tree, names).map((member) => member.pair.source.dataset);
};

/** One snapshot of all members, at one moment. */
const snapshotTree = async (
  { request, zfs, id, facts, observer }: Situation,
  tree: Tree,
): Promise<SnapshotLabel> => {
  observer.step('making a snapshot of the tree');
  const seen = [facts.dataset, ...facts.below.values()];
  const taken = new Set(seen.flatMap((each) => each?.snapshots.map(({ label }) => label) ?? []));
  const { dataset } = request.pair.source;
  const extent = await extentOf(zfs, request, tree);
  return await makeSnapshot(zfs, dataset, request.series, id, taken, extent);
};

/** The member's own part of what is at hand; undefined where it has no part in this snapshot. */
const memberSituation = (
  situation: Situation,
  member: Member,
  label: SnapshotLabel,
  listing: SourceListing | undefined,
  coming: ReadonlySet<string>,
): BegunSituation | undefined => {
  if (listing === undefined || !listing.snapshots.some((each) => each.label === label)) {
    return undefined;
  }
  const { request, facts, id } = situation;
  const own = memberRequest(request, member, isNewHere(listing, id));
  const made = [snapshotName(own.pair.source.dataset, label)];
  return {
    ...situation,
    request: own,
    facts: factsOf(facts, member, coming),
    story: emptyStory(),
    beginning: { label, source: listing, made },
  };
};

/** Makes one member ready; answers nothing for one that there is nothing to send of, and writes down why. */
const prepareOne = async (
  situation: BegunSituation,
  ledger: Ledger,
  member: Member,
): Promise<Passenger | undefined> => {
  try {
    const ready = await makeReady(situation);
    if (ready.kind === 'to send') return passengerOf(situation, ready.delivery);
    ledger.close(member);
    const { beginning } = situation;
    if (ready.kind === 'by itself') ledger.leave({ member, beginning });
    else ledger.primed += 1;
  } catch (error) {
    situation.tether.signal.throwIfAborted();
    ledger.fail(member, error, situation.story);
  }
  return undefined;
};

const depthOf = ({ path }: Member): number => path.split('/').filter(Boolean).length;

/** Makes the members ready, each by itself, level by level: one that cannot be sent keeps no other. */
const prepareAll = async (
  situation: Situation,
  ledger: Ledger,
  label: SnapshotLabel,
  listings: ReadonlyMap<DatasetName, SourceListing>,
): Promise<Map<Passenger, Member>> => {
  const passengers = new Map<Passenger, Member>();
  const coming = new Set<string>();
  const open = ledger.members.filter((member) => ledger.isOpen(member)).slice(0, longestConvoy);
  for (const level of Map.groupBy(open, depthOf).values()) {
    const ready = await Promise.all(
      level.map(async (member) => {
        const listing = listings.get(member.pair.source.dataset);
        const own = memberSituation(situation, member, label, listing, coming);
        if (own === undefined) ledger.close(member);
        return own && (await prepareOne(own, ledger, member));
      }),
    );
    for (const [index, member] of level.entries()) {
      const passenger = ready[index];
      if (passenger === undefined) continue;
      passengers.set(passenger, member);
      const { facts } = passenger.situation;
      if (facts.dataset === undefined) coming.add(member.pair.target.dataset);
    }
  }
  return passengers;
};

/** What a session of the member's own can mend: it gives up something there first. */
const hasRemedy = ({ request }: Situation, error: unknown): boolean =>
  error instanceof StuckPartial || (request.rollback && error instanceof HeadChanged);

/** Verifies and records what arrived of one member. */
const recordOne = async (
  ledger: Ledger,
  label: SnapshotLabel,
  member: Member,
  { situation, delivery, instruction }: Passenger,
  result: TransferResult,
): Promise<void> => {
  const { story, tether } = situation;
  story.bytes = result.bytes;
  try {
    await conclude(situation, delivery, instruction, result);
    await settle(situation, delivery);
    const left = await released(situation, delivery.source);
    story.kept = [...story.kept, ...left];
    ledger.stories.push(story);
    // What an interrupted cycle had begun is finished; the new snapshot follows it.
    if (delivery.sent.label === label) ledger.close(member);
  } catch (error) {
    tether.signal.throwIfAborted();
    const beginning = error instanceof StuckPartial ? situation.beginning : undefined;
    if (hasRemedy(situation, error)) ledger.leave({ member, beginning });
    else ledger.fail(member, error, story);
  }
};

/** The same of all; answers whether any member came further. */
const recordAll = async (
  ledger: Ledger,
  label: SnapshotLabel,
  passengers: ReadonlyMap<Passenger, Member>,
  results: ConvoyResult,
): Promise<boolean> => {
  const begun = [...passengers].flatMap(([passenger, member]) => {
    const result = results.get(passenger);
    return result === undefined ? [] : [recordOne(ledger, label, member, passenger, result)];
  });
  await Promise.all(begun);
  return begun.length > 0;
};

/** The datasets between the target's pool and the target, made where a first full send finds them missing. */
const withParents = async (situation: Situation): Promise<Situation> => {
  const { request, facts, session, observer } = situation;
  const isMissing = facts.dataset === undefined && !facts.parentExists && !facts.hasAside;
  if (request.intent !== 'prime' || !isMissing) return situation;
  observer.step('making the datasets above the target');
  return { ...situation, facts: await session.makeParents() };
};

/** One session's work; answers whether there is something left for another one. */
const round = async (seen: Situation, tree: Tree, ledger: Ledger): Promise<boolean> => {
  const gathered = gatheredZfs(seen.zfs, seen.request.sudo, seen.tether);
  const situation = await withParents({ ...seen, zfs: gathered });
  const { request, zfs, id, observer, story } = situation;
  const isFirst = ledger.label === undefined;
  const label = ledger.label ?? (await snapshotTree(situation, tree));
  ledger.label = label;
  story.snapshot = label;
  const listings = await listTree(zfs, request.pair.source.dataset, id);
  if (isFirst) {
    ledger.members = membersOf(request.pair, tree, listings.keys());
    const below = [...situation.facts.below.keys()];
    const orphans = orphansOf(request.pair, tree, below, new Set<string>(listings.keys()));
    story.notes.push(...orphans.map((name) => `${name} has no source any more, and stays`));
  }
  const passengers = await prepareAll(situation, ledger, label, listings);
  if (passengers.size === 0) return false;
  const wire = chooseWire(request, situation.facts);
  for (const { situation: own, delivery } of passengers.keys()) {
    tellStory(own.story, own.request, delivery, wire);
  }
  story.compression = wire.compression;
  if (isFirst && wire.note !== undefined) story.notes.push(wire.note);
  observer.step(`sending ${passengers.size} datasets`);
  const results = await convoy(situation, [...passengers.keys()], wire);
  observer.step('recording and pruning');
  const isAnyFurther = await recordAll(ledger, label, passengers, results);
  return isAnyFurther && ledger.members.some((member) => ledger.isOpen(member));
};

/** A cycle of its own for a member that had to be rid of something first. */
const carryAlone = async (
  run: Run,
  request: Request,
  { member, beginning }: Ledger['alone'][number],
  ledger: Ledger,
): Promise<void> => {
  const story = emptyStory();
  try {
    await cycle({ ...run, story }, memberRequest(request, member, false), beginning);
    ledger.stories.push(story);
  } catch (error) {
    run.tether.signal.throwIfAborted();
    ledger.fail(member, error, story);
  }
};

const total = (numbers: readonly (number | undefined)[]): number =>
  numbers.reduce<number>((sum, each) => sum + (each ?? 0), 0);

/** The members' stories as one. */
const sumUp = (story: Story, { stories, failures, members, primed }: Ledger): void => {
  const all = [...stories, ...failures.map((each) => each.story)];
  const [first, ...others] = new Set(stories.map(({ kind }) => kind));
  story.kind = first !== undefined && others.length === 0 ? first : 'incremental';
  story.bytes = total(all.map(({ bytes }) => bytes));
  story.kept = [...story.kept, ...all.flatMap(({ kept }) => kept)];
  if (failures.length === 0) story.notes.unshift(`${members.length} datasets`);
  const notes = new Set(all.flatMap((each) => each.notes));
  story.notes.push(...notes, ...(primed > 0 ? [`${primed} primed already`] : []));
};

/**
 * One cycle for a tree: one snapshot of all members at one moment, each with its own base and plan, sent one behind the
 * other in one session. A member in trouble keeps no other: where its stream breaks off, another session goes on
 * behind it. Throws TreeIncomplete when a member is not current in the end, and as a cycle does for what concerns all.
 */
export const treeCycle = async (run: Run, request: Request, tree: Tree): Promise<CycleEnd> => {
  const ledger = new Ledger();
  let goesOn = true;
  while (goesOn) {
    goesOn = await visit(run, (situation) => round(situation, tree, ledger), request);
  }
  for (const each of ledger.alone) await carryAlone(run, request, each, ledger);
  for (const member of ledger.members) {
    if (ledger.isOpen(member)) ledger.fail(member, 'its stream was not begun', emptyStory());
  }
  sumUp(run.story, ledger);
  const { failures, members, primed } = ledger;
  if (failures.length > 0) throw new TreeIncomplete(failures, members.length);
  return primed > 0 && primed === members.length ? 'already primed' : 'replicated';
};
