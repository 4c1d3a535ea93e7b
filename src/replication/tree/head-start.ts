import type { TargetFacts } from '../../hosts/target-facts.ts';
import { EarlyWork, lockEarly, wordFor } from '../early.ts';
import type { Tree } from '../request.ts';
import type { Run } from '../run.ts';
import { takingBack } from '../taking-back.ts';
import type { TargetId } from '../target-id.ts';
import { beginTree, labelsThere, type TreeBeginning } from './snapshot-tree.ts';

/**
 * A tree's snapshot and the listing of its source, made while ssh is still connecting and the target looks for what it has:
 * of the target that the last run left word of, and only when that run brought all of the tree there. What turns out
 * not to fit is taken back.
 */
export class TreeHeadStart extends EarlyWork {
  /** All of the target's snapshots are asked for. */
  readonly known = undefined;
  readonly #run: Run;
  readonly #tree: Tree;
  #beginning: TreeBeginning | undefined;

  constructor(run: Run, tree: Tree) {
    // Of several targets one makes the snapshot for all, when it is known that it answers.
    super(run.member.share.isAlone ? wordFor(run)?.target : undefined);
    this.#run = run;
    this.#tree = tree;
  }

  /** What was begun, for its taker to use or destroy; undefined where it does not fit that target, and is gone. */
  async take(id: TargetId, facts: TargetFacts): Promise<TreeBeginning | undefined> {
    const beginning = this.#beginning;
    const isNew = beginning !== undefined && !labelsThere({ facts }).has(beginning.label);
    if (id !== this.target || facts.dataset === undefined || !isNew) return await this.drop();
    this.#beginning = undefined;
    return beginning;
  }

  /** Takes back what nobody took, also when the run is being ended. */
  async drop(): Promise<undefined> {
    await this.ready();
    const { names = [] } = this.#beginning ?? {};
    this.#beginning = undefined;
    if (names.length === 0) return undefined;
    const { member, source } = this.#run;
    const side = { ...this.#run, source: { zfs: source.gatheredZfs } };
    await takingBack(side, names, (zfs) => member.share.takeBack(zfs, names));
    return undefined;
  }

  protected override async prepare(id: TargetId): Promise<void> {
    const { request, member, observer } = this.#run;
    const { zfs } = await lockEarly(this.#run, id);
    const { share } = member;
    this.#beginning = await beginTree({ request, zfs, id, share, observer }, this.#tree, new Set());
  }
}
