import type { Zfs } from '../../../src/hosts/zfs-command.ts';
import { commonBase } from '../../../src/replication/plan.ts';
import {
  abandoned,
  isTidyAfter,
  pruneReplaced,
  pruneSource,
  pruneTarget,
  replacedBases,
} from '../../../src/replication/pruning.ts';
import { type Share, SharedSnapshot } from '../../../src/replication/shared-snapshot.ts';
import { bookmarkFor, carryOutPruning, destroyEach } from '../../../src/replication/snapshot.ts';
import { bookmarkMeaning, isPrimed, type TargetId } from '../../../src/replication/target-id.ts';
import type { Bookmark, Snapshot, SourceListing } from '../../../src/zfs/listing.ts';
import { type Guid, parseBookmarkLabel, parseSnapshotLabel } from '../../../src/zfs/names.ts';
import { listing, replica, request, series, source } from './pair.ts';

/** How a target's cycle goes. */
export type Course =
  | 'well'
  /** Its host does not answer. */
  | 'away'
  /** A person has to decide about it. */
  | 'refused'
  /** The stream breaks off, and what arrived can be resumed. */
  | 'resumable'
  /** The same, and nothing is left of it there. */
  | 'in vain'
  /** The wire is cut: nothing arrived, and nobody could tell. */
  | 'cut'
  /** All of it arrived, and nobody could tell. */
  | 'unheard';

/** One cycle of a target. */
export interface Step {
  readonly course: Course;
  /** How many runs come after this one before its stream ends. */
  readonly lasts: number;
}

export interface SimulatedTarget {
  readonly id: TargetId;
  snapshots: Snapshot[];
  partial: Guid | undefined;
  /** The run before left word of it. */
  isRemembered: boolean;
  /** guid of what it brought, where nothing else was left to be done: the next one lists no snapshots. */
  clean: Guid | undefined;
  isLocked: boolean;
  /** How many of its cycles ended well. */
  successes: number;
}

/** One run of zferry. */
interface SimulatedRun {
  isKilled: boolean;
  /** How many of its cycles have not ended. */
  active: number;
}

const never = () => new Promise<never>(() => undefined);

const done = { exitCode: 0, stdout: '', stderr: '' };
const refusedWith = (stderr: string) => ({ exitCode: 1, stdout: '', stderr });

/** What ZFS would keep of one source, and its targets; time goes on from run to run. */
export class Simulation {
  readonly targets: readonly SimulatedTarget[];
  /** How many cycles went by what the one before had left word of, and listed no snapshots. */
  short = 0;
  /** What a cycle threw, which none should. */
  readonly errors: unknown[] = [];
  readonly #keep: number | undefined;
  readonly #whim: () => number;
  #snapshots: Snapshot[] = [];
  #bookmarks: Bookmark[] = [];
  #txg = 1;
  #now = 0;
  #waiting: { readonly run: SimulatedRun; readonly until: number; readonly go: () => void }[] = [];
  readonly #runs = new Set<SimulatedRun>();

  /** `whim` answers small numbers that decide who is faster. */
  constructor(targets: number, keep: number | undefined, whim: () => number) {
    this.#keep = keep;
    this.#whim = whim;
    this.targets = Array.from({ length: targets }, (_, index) => ({
      id: `aaaaaaaaa${index}` as TargetId,
      snapshots: [],
      partial: undefined,
      isRemembered: false,
      clean: undefined,
      isLocked: false,
      successes: 0,
    }));
  }

  get source(): SourceListing {
    return listing(this.#snapshots, this.#bookmarks);
  }

  /** Runs one cycle for each of the targets; comes back when all that need no waiting have ended. */
  async run(steps: readonly (Step | undefined)[], kill?: number): Promise<void> {
    this.#now += 1;
    const run: SimulatedRun = { isKilled: false, active: 0 };
    this.#runs.add(run);
    const zfs = this.#zfs(run);
    const taking = this.targets.flatMap((target, index) => {
      const step = steps[index];
      return step === undefined ? [] : [{ target, step }];
    });
    const shared = new SharedSnapshot(taking.length);
    const locked: SimulatedTarget[] = [];
    const ends = taking.map(async ({ target, step }, index) => {
      run.active += 1;
      const share = shared.share(index);
      if (target.isLocked) {
        await share.end(zfs, false);
        if (!run.isKilled) run.active -= 1;
        return;
      }
      target.isLocked = true;
      locked.push(target);
      const verified = await this.#cycle(target, step, share, { run, zfs });
      await share.end(zfs, verified);
      if (run.isKilled) return;
      target.isRemembered = verified;
      if (verified) target.successes += 1;
      target.isLocked = false;
      if (!run.isKilled) run.active -= 1;
    });
    for (const { go } of this.#waiting.filter(({ until }) => until <= this.#now)) go();
    this.#waiting = this.#waiting.filter(({ until }) => until > this.#now);
    // Until nothing moves any more, but what waits for later runs.
    for (let turn = 0; turn < (kill ?? 20_000); turn += 1) {
      await Promise.resolve();
      if (kill === undefined && this.#moving === 0) break;
    }
    if (kill !== undefined) {
      // kill -9: nothing of it goes on, and its locks end.
      run.isKilled = true;
      run.active = 0;
      this.#waiting = this.#waiting.filter((each) => each.run !== run);
      for (const target of locked) target.isLocked = false;
    }
    for (const end of ends) end.catch((error: unknown) => this.errors.push(error));
  }

  /** How many cycles go on and wait for no later run. */
  get #moving(): number {
    let moving = -this.#waiting.length;
    for (const { active } of this.#runs) moving += active;
    return moving;
  }

  async #cycle(
    target: SimulatedTarget,
    { course, lasts }: Step,
    share: Share,
    { run, zfs }: { readonly run: SimulatedRun; readonly zfs: Zfs },
  ): Promise<boolean> {
    const { id, clean } = target;
    const asked = request();
    const { dataset } = source;
    // The lock's file forgets when a run begins.
    target.clean = undefined;
    const early = target.isRemembered ? await this.#begin(target, share, zfs) : undefined;
    await this.#turns();
    if (
      (course === 'away' || course === 'refused' || target.partial !== undefined) &&
      early !== undefined
    )
      await share.takeBack(zfs, early.made);
    if (course === 'away') return false;
    if (course === 'refused') {
      const { label } = await share.obtain({ request: asked, zfs, id }, new Set());
      await this.#turns();
      await share.takeBack(zfs, [`${dataset}@${label}`]);
      return false;
    }
    const resumed = this.#snapshots.find(({ guid }) => guid === target.partial);
    target.partial = undefined;
    const isShort =
      clean !== undefined &&
      resumed === undefined &&
      early !== undefined &&
      this.#isAsLeft(target, clean, early.sent);
    if (isShort) this.short += 1;
    const begun = resumed ?? early?.sent ?? (await this.#begin(target, share, zfs)).sent;
    const made = resumed === undefined ? this.#madeFor(target, begun) : [];
    const listed = this.source;
    const base = commonBase(listed, replica(target.snapshots));
    if (base === undefined && target.snapshots.length > 0) throw new Error(`${id} has no base`);
    const own = listed.bookmarks.some(
      ({ label, guid }) => bookmarkMeaning(label)?.target === id && guid === base?.guid,
    );
    if (base !== undefined && !own) throw new Error(`${id} has no bookmark of its own of its base`);
    if (isShort && base?.guid !== clean)
      throw new Error(`${id} has another base than it remembers`);
    if (resumed === undefined && !isShort) {
      const there = new Set(target.snapshots.map(({ guid }) => guid));
      const asks = { target: id, series, sent: begun, keep: this.#keep, base: base?.guid, there };
      await carryOutPruning(zfs, dataset, abandoned({ source: listed, ...asks }));
    }
    const seen = resumed === undefined ? this.source : listed;
    await this.#turns();
    await this.#sending(target, begun.guid, base?.guid, { run, lasts });
    if (course === 'in vain') {
      await share.takeBack(zfs, made);
      return false;
    }
    if (course === 'resumable') {
      target.partial = begun.guid;
      return false;
    }
    if (course === 'cut') return false;
    const question = { source: seen, target: id, sent: begun, replaced: base?.guid };
    const going = pruneTarget({
      snapshots: target.snapshots,
      series,
      sent: begun,
      replaced: replacedBases(question),
      policy: undefined,
      now: new Date(),
    });
    target.snapshots = [
      ...target.snapshots.filter((each) => !going.includes(each)),
      { ...begun, mark: undefined },
    ];
    if (course === 'unheard') return false;
    const primed = this.#bookmarks.some(
      ({ label, guid }) => isPrimed(label, id) && guid === begun.guid,
    );
    if (!primed) {
      await bookmarkFor(zfs, dataset, begun, { target: id, priming: false }, this.#bookmarks);
      const priming = this.#bookmarks.filter(
        ({ label, guid }) =>
          guid === begun.guid && bookmarkMeaning(label)?.target === id && !isPrimed(label, id),
      );
      await destroyEach(
        zfs,
        priming.map(({ label }) => `${dataset}#${label}`),
      );
    }
    const was = this.#snapshots.find(({ guid }) => guid === base?.guid);
    const pruning = isShort
      ? pruneReplaced({ source: seen, target: id, series, sent: begun, base: was })
      : pruneSource({ ...question, series, keep: this.#keep });
    await carryOutPruning(zfs, dataset, pruning);
    const isTidy = isShort || isTidyAfter(seen.snapshots, pruning.snapshots, series);
    const isClean = isTidy && pruning.postponed.length === 0 && this.#keep === undefined;
    if (isClean && !run.isKilled) {
      target.clean = begun.guid;
    }
    return true;
  }

  /** What a cycle may see that lists no snapshots, where nothing has happened since the last one. */
  #isAsLeft({ id, snapshots }: SimulatedTarget, clean: Guid, sent: Snapshot): boolean {
    const own = this.#bookmarks.filter(({ label }) => bookmarkMeaning(label)?.target === id);
    const [base, pending] = own;
    return (
      own.length === 2 &&
      base?.guid === clean &&
      isPrimed(base.label, id) &&
      pending?.guid === sent.guid &&
      snapshots.at(-1)?.guid === clean
    );
  }

  /** Snapshot, listing, bookmark; again where the snapshot of the others is gone. */
  async #begin(target: SimulatedTarget, share: Share, zfs: Zfs) {
    const { dataset } = source;
    for (;;) {
      const { label } = await share.obtain({ request: request(), zfs, id: target.id }, new Set());
      const sent = this.#snapshots.find((each) => each.label === label);
      if (sent === undefined) continue;
      const meaning = { target: target.id, priming: target.snapshots.length === 0 };
      await bookmarkFor(zfs, dataset, sent, meaning, this.#bookmarks);
      return { sent, made: this.#madeFor(target, sent) };
    }
  }

  #madeFor({ id }: SimulatedTarget, { label, guid }: Snapshot): readonly string[] {
    const own = this.#bookmarks.filter(
      (each) => each.guid === guid && bookmarkMeaning(each.label)?.target === id,
    );
    const { dataset } = source;
    return [...own.map((each) => `${dataset}#${each.label}`), `${dataset}@${label}`];
  }

  /** While it is sent, the snapshot must stay; its base had to be there when it began. */
  async #sending(
    { id }: SimulatedTarget,
    sent: Guid,
    base: Guid | undefined,
    { run, lasts }: { readonly run: SimulatedRun; readonly lasts: number },
  ): Promise<void> {
    const has = (guid: Guid) => this.#snapshots.some((each) => each.guid === guid);
    // Between two commands a killed run goes on here; there it would not.
    if (run.isKilled) await never();
    if (
      base !== undefined &&
      ![...this.#snapshots, ...this.#bookmarks].some((b) => b.guid === base)
    )
      throw new Error(`the base of ${id} is gone`);
    if (!has(sent)) throw new Error(`what is sent to ${id} is gone before it began`);
    if (lasts > 0) {
      await new Promise<void>((go) => {
        this.#waiting.push({ run, until: this.#now + lasts, go });
      });
    }
    if (run.isKilled) await never();
    if (!has(sent)) throw new Error(`what is sent to ${id} is gone`);
  }

  async #turns(): Promise<void> {
    for (let turns = this.#whim(); turns > 0; turns -= 1) await Promise.resolve();
  }

  #zfs(run: SimulatedRun): Zfs {
    const ask = async (words: readonly string[]) => {
      await this.#turns();
      // Nobody waits for what a killed run would have done.
      if (run.isKilled) return await never();
      return this.#perform(words);
    };
    return {
      ask,
      tell: async (words) => {
        const { exitCode, stderr } = await ask(words);
        if (exitCode !== 0) throw new Error(stderr);
        return '';
      },
      host: { kind: 'here' },
      paste: (command) => command.join(' '),
    };
  }

  #perform(words: readonly string[]) {
    const name = words.at(-1) ?? '';
    const label = name.slice(source.dataset.length + 1);
    const at = this.#snapshots.findIndex((each) => each.label === label);
    const value = words.find((word) => word.startsWith('zferry:for='))?.slice('zferry:for='.length);
    switch (words[0]) {
      case 'snapshot':
        if (at !== -1) return refusedWith('dataset already exists');
        this.#txg += 1;
        this.#snapshots.push({
          label: parseSnapshotLabel(label),
          guid: String(this.#txg) as Guid,
          createtxg: this.#txg,
          mark: value as TargetId,
        });
        return done;
      case 'bookmark': {
        const from = this.#snapshots.find((each) => words[1] === `${source.dataset}@${each.label}`);
        if (from === undefined) return refusedWith(`${words[1]} does not exist`);
        const { guid, createtxg } = from;
        this.#bookmarks.push({ label: parseBookmarkLabel(label), guid, createtxg });
        return done;
      }
      case 'set': {
        const snapshot = this.#snapshots[at];
        if (snapshot === undefined) return refusedWith('does not exist');
        this.#snapshots[at] = { ...snapshot, mark: value as TargetId };
        return done;
      }
      case 'destroy': {
        const before = this.#snapshots.length + this.#bookmarks.length;
        this.#snapshots = this.#snapshots.filter((s) => name !== `${source.dataset}@${s.label}`);
        this.#bookmarks = this.#bookmarks.filter((b) => name !== `${source.dataset}#${b.label}`);
        const after = this.#snapshots.length + this.#bookmarks.length;
        return before === after ? refusedWith('does not exist') : done;
      }
      default:
        return done;
    }
  }
}
