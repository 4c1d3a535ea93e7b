import type { Zfs } from '../hosts/zfs-command.ts';
import { markProperty } from '../zfs/marks.ts';
import { type SnapshotLabel, snapshotName } from '../zfs/names.ts';
import type { Request } from './request.ts';
import { fateOf, type Part } from './sharing.ts';
import { destroyEach, type Kept, makeSnapshot } from './snapshot.ts';
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
  /**
   * A new snapshot, under a name that the target does not have: the one that the run's targets share, made now if
   * it is not there yet. A target that has used it already gets another, of its own. Throws as makeSnapshot does.
   */
  readonly obtain: (need: Need, taken: ReadonlySet<SnapshotLabel>) => Promise<Obtained>;
  /**
   * Destroys by their full names what was made for this target and is not needed; the shared snapshot only when no
   * other target of the run has to do with it. Answers what is still there.
   */
  readonly takeBack: (zfs: Zfs, names: readonly string[]) => Promise<readonly Kept[]>;
  /** The target's cycle has ended. Answers what could not be destroyed. */
  readonly end: (zfs: Zfs, verified: boolean) => Promise<readonly Kept[]>;
}

/** A snapshot for this target only. */
const alone = async (
  { request, zfs, id }: Need,
  taken: ReadonlySet<SnapshotLabel>,
): Promise<Obtained> => {
  const { dataset } = request.pair.source;
  return { label: await makeSnapshot(zfs, dataset, request.series, id, taken), isOwn: true };
};

/** The one snapshot of a run, made when the first of its targets needs it. */
export class SharedSnapshot {
  readonly #parts: Part[];
  #making: Promise<SnapshotLabel> | undefined;
  /** Its full name, and the target whose mark it has. */
  #made: { readonly name: string; owner: TargetId } | undefined;

  constructor(targets: number) {
    this.#parts = Array.from({ length: targets }, () => ({ kind: 'open' }));
  }

  /** The share of the target that stands at that place of the command line, from 0. */
  share(index: number): Share {
    return {
      obtain: (need, taken) => this.#obtain(index, need, taken),
      takeBack: (zfs, names) => this.#takeBack(index, zfs, names),
      end: (zfs, verified) => this.#end(index, zfs, verified),
    };
  }

  async #obtain(index: number, need: Need, taken: ReadonlySet<SnapshotLabel>): Promise<Obtained> {
    const before = this.#parts[index] ?? { kind: 'open' };
    if (before.kind === 'using') return await alone(need, taken);
    const isOwn = this.#making === undefined;
    // From now on nobody takes it back.
    this.#parts[index] = { kind: 'using', target: need.id };
    this.#making ??= this.#make(need, taken);
    try {
      const label = await this.#making;
      if (isOwn) return { label, isOwn };
      if (taken.has(label)) {
        this.#parts[index] = before;
        return await alone(need, taken);
      }
      await this.#decide(need.zfs);
      return { label, isOwn };
    } catch (error) {
      this.#parts[index] = before;
      throw error;
    }
  }

  async #make(need: Need, taken: ReadonlySet<SnapshotLabel>): Promise<SnapshotLabel> {
    try {
      const { label } = await alone(need, taken);
      this.#made = { name: snapshotName(need.request.pair.source.dataset, label), owner: need.id };
      return label;
    } catch (error) {
      this.#making = undefined;
      throw error;
    }
  }

  async #takeBack(index: number, zfs: Zfs, names: readonly string[]): Promise<readonly Kept[]> {
    const shared = this.#made?.name;
    const left = await destroyEach(
      zfs,
      names.filter((name) => name !== shared),
    );
    if (shared === undefined || !names.includes(shared)) return left;
    this.#parts[index] = { kind: 'free' };
    return [...left, ...(await this.#decide(zfs))];
  }

  async #end(index: number, zfs: Zfs, verified: boolean): Promise<readonly Kept[]> {
    const part = this.#parts[index];
    if (part?.kind === 'using' && verified) return [];
    this.#parts[index] = { kind: part?.kind === 'using' ? 'failed' : 'free' };
    return await this.#decide(zfs);
  }

  /** Does what is due now; answers what could not be destroyed. */
  async #decide(zfs: Zfs): Promise<readonly Kept[]> {
    const made = this.#made;
    const fate = made && fateOf(this.#parts, made.owner);
    if (made === undefined || fate === undefined || fate === 'stays') return [];
    const { name } = made;
    if (fate === 'goes') {
      this.#made = undefined;
      this.#making = undefined;
      return await destroyEach(zfs, [name]);
    }
    made.owner = fate.mark;
    // It may be gone already: pruned by a run that was faster. What cannot be marked just stays a while longer.
    await zfs.ask(['set', `${markProperty}=${fate.mark}`, name]);
    return [];
  }
}
