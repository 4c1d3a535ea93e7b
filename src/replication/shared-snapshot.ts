import type { Zfs } from '../hosts/zfs-command.ts';
import { markProperty } from '../zfs/marks.ts';
import { type SnapshotLabel, snapshotName } from '../zfs/names.ts';
import type { Request } from './request.ts';
import { fateOf, type Owner, type Part } from './sharing.ts';
import { destroyEach, type Extent, type Kept, makeSnapshot } from './snapshot.ts';
import type { TargetId } from './target-id.ts';

/** A snapshot that a target's cycle may send. */
export interface Obtained {
  readonly label: SnapshotLabel;
  /** False where another target's cycle had it made: until it is bookmarked, that one's next cycle may prune it. */
  readonly isOwn: boolean;
}

/** Who needs a snapshot, and the zfs that makes it. */
interface Need {
  readonly request: Pick<Request, 'pair' | 'series'>;
  readonly zfs: Zfs;
  readonly id: TargetId;
}

/** One target's share in the snapshot of its run. */
export interface Share {
  /** True where the run has no other target. */
  readonly isAlone: boolean;
  /**
   * A new snapshot, under a name that the target does not have: the one that the run's targets share, made now if
   * it is not there yet; for a tree of what `extent` says. A target that has used it already gets another, of its
   * own. Throws as makeSnapshot and `extent` do.
   */
  readonly obtain: (
    need: Need,
    taken: ReadonlySet<SnapshotLabel>,
    extent?: () => Promise<Extent>,
  ) => Promise<Obtained>;
  /** Tells, where the shared snapshot is one of a tree, by what full names it is there. */
  readonly covers: (zfs: Zfs, names: readonly string[]) => Promise<void>;
  /**
   * Destroys by their full names what was made for this target and is not needed; the shared snapshot only when no
   * other target of the run has to do with it. Answers what is still there.
   */
  readonly takeBack: (zfs: Zfs, names: readonly string[]) => Promise<readonly Kept[]>;
  /** Of a tree, what has that full name is verified, whatever becomes of the rest. */
  readonly arrived: (name: string) => void;
  /** The target's cycle has ended. Answers what could not be destroyed. */
  readonly end: (zfs: Zfs, verified: boolean) => Promise<readonly Kept[]>;
}

/** A snapshot for this target only. */
const alone = async (
  { request, zfs, id }: Need,
  taken: ReadonlySet<SnapshotLabel>,
  extent: Extent,
): Promise<Obtained> => {
  const { dataset } = request.pair.source;
  return {
    label: await makeSnapshot(zfs, dataset, request.series, id, taken, extent),
    isOwn: true,
  };
};

const justOne = (): Promise<Extent> => Promise.resolve('dataset');

/** As many names as one command takes, whatever their length. */
const mostNames = 100;

const chunksOf = <T>(all: readonly T[]): readonly (readonly T[])[] =>
  all.length === 0 ? [] : [all.slice(0, mostNames), ...chunksOf(all.slice(mostNames))];

/** The one snapshot of a run, of one dataset or of a tree, made when the first of its targets needs it. */
export class SharedSnapshot {
  /** What each target has to do with it. */
  readonly #parts: Part[];
  /** The same for one dataset of a tree where it is another, by full name and the target's place. */
  readonly #own = new Map<string, Map<number, Part>>();
  /** Its full names, and the mark that each has. */
  readonly #made = new Map<string, Owner>();
  #making: Promise<SnapshotLabel> | undefined;
  /** Of a tree's: by what label it was made, and for which target. */
  #tree: { readonly label: SnapshotLabel; readonly owner: TargetId } | undefined;

  constructor(targets: number) {
    this.#parts = Array.from({ length: targets }, () => ({ kind: 'open' }));
  }

  /** The share of the target that stands at that place of the command line, from 0. */
  share(index: number): Share {
    return {
      isAlone: this.#parts.length === 1,
      obtain: (need, taken, extent = justOne) => this.#obtain(index, need, taken, extent),
      covers: (zfs, names) => this.#covers(zfs, names),
      takeBack: (zfs, names) => this.#takeBack(index, zfs, names),
      arrived: (name) => this.#arrived(index, name),
      end: (zfs, verified) => this.#end(index, zfs, verified),
    };
  }

  async #obtain(
    index: number,
    need: Need,
    taken: ReadonlySet<SnapshotLabel>,
    extent: () => Promise<Extent>,
  ): Promise<Obtained> {
    const before = this.#parts[index] ?? { kind: 'open' };
    if (before.kind === 'using' || before.kind === 'done') {
      return await alone(need, taken, await extent());
    }
    const isOwn = this.#making === undefined;
    // From now on nobody takes it back.
    this.#parts[index] = { kind: 'using', target: need.id };
    this.#making ??= this.#make(need, taken, extent);
    try {
      const label = await this.#making;
      if (isOwn) return { label, isOwn };
      if (taken.has(label)) {
        this.#parts[index] = before;
        return await alone(need, taken, await extent());
      }
      await this.#decide(need.zfs);
      return { label, isOwn };
    } catch (error) {
      this.#parts[index] = before;
      throw error;
    }
  }

  async #make(
    need: Need,
    taken: ReadonlySet<SnapshotLabel>,
    extentOf: () => Promise<Extent>,
  ): Promise<SnapshotLabel> {
    try {
      const extent = await extentOf();
      const { label } = await alone(need, taken, extent);
      if (extent === 'dataset') {
        this.#made.set(snapshotName(need.request.pair.source.dataset, label), need.id);
      } else {
        this.#tree = { label, owner: need.id };
      }
      return label;
    } catch (error) {
      this.#making = undefined;
      throw error;
    }
  }

  async #covers(zfs: Zfs, names: readonly string[]): Promise<void> {
    const tree = this.#tree;
    if (tree === undefined) return;
    for (const name of names) {
      const isShared = name.endsWith(`@${tree.label}`) && !this.#made.has(name);
      if (isShared) this.#made.set(name, tree.owner);
    }
    // Who it was made for may have failed before anybody knew these names.
    await this.#decide(zfs);
  }

  #set(index: number, name: string, part: Part): void {
    if (this.#tree === undefined) {
      this.#parts[index] = part;
      return;
    }
    const own = this.#own.get(name) ?? new Map<number, Part>();
    this.#own.set(name, own.set(index, part));
  }

  async #takeBack(index: number, zfs: Zfs, names: readonly string[]): Promise<readonly Kept[]> {
    const shared = names.filter((name) => this.#made.has(name));
    const left = await destroyEach(
      zfs,
      names.filter((name) => !shared.includes(name)),
    );
    for (const name of shared) this.#set(index, name, { kind: 'free' });
    return [...left, ...(await this.#decide(zfs, shared))];
  }

  #arrived(index: number, name: string): void {
    const part = this.#parts[index];
    if (part?.kind === 'using' && this.#made.has(name)) {
      this.#set(index, name, { ...part, kind: 'done' });
    }
  }

  async #end(index: number, zfs: Zfs, verified: boolean): Promise<readonly Kept[]> {
    const part = this.#parts[index];
    if (part?.kind === 'using' && verified) {
      this.#parts[index] = { ...part, kind: 'done' };
      return [];
    }
    this.#parts[index] = { kind: part?.kind === 'using' ? 'failed' : 'free' };
    return await this.#decide(zfs);
  }

  /** Does what is due now to these of its names; answers what could not be destroyed. */
  async #decide(
    zfs: Zfs,
    names: Iterable<string> = [...this.#made.keys()],
  ): Promise<readonly Kept[]> {
    const going: string[] = [];
    const heirs = new Map<Owner, string[]>();
    for (const name of names) {
      const owner = this.#made.get(name);
      const own = this.#own.get(name);
      const parts = this.#parts.map((part, index) => own?.get(index) ?? part);
      const fate = owner === undefined ? 'stays' : fateOf(parts, owner);
      if (fate === 'goes') {
        this.#made.delete(name);
        going.push(name);
      } else if (fate !== 'stays') {
        this.#made.set(name, fate.mark);
        heirs.set(fate.mark, [...(heirs.get(fate.mark) ?? []), name]);
      }
    }
    if (going.length > 0 && this.#tree === undefined) this.#making = undefined;
    for (const [heir, theirs] of heirs) {
      // They may be gone already: pruned by a run that was faster. What cannot be marked just stays a while longer.
      const each = (some: readonly string[]) =>
        zfs.ask(['set', `${markProperty}=${heir}`, ...some]);
      for (const some of chunksOf(theirs)) await each(some);
    }
    return (await Promise.all(going.map((name) => destroyEach(zfs, [name])))).flat();
  }
}
