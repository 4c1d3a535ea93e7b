import { type SnapshotLabel, snapshotName } from '../../zfs/names.ts';
import { conclude } from '../deliver.ts';
import { LargeBlocksLearned } from '../large-blocks.ts';
import { HeadChanged } from '../plan.ts';
import { settle } from '../settle.ts';
import type { Situation } from '../situation.ts';
import { StuckPartial } from '../stuck.ts';
import type { TransferResult } from '../transfer.ts';
import { released } from './adopt.ts';
import type { ConvoyResults, Passenger } from './convoy.ts';
import type { Ledger } from './ledger.ts';
import type { Member } from './members.ts';

/** What a session of the member's own can mend: it gives up something there first, or sends by other flags. */
const hasRemedy = ({ request }: Situation, error: unknown): boolean =>
  error instanceof StuckPartial ||
  error instanceof LargeBlocksLearned ||
  (request.rollback && error instanceof HeadChanged);

/** Verifies and records what arrived of one member. */
const recordOne = async (
  ledger: Ledger,
  label: SnapshotLabel,
  member: Member,
  { situation, delivery, instruction }: Passenger,
  result: TransferResult,
): Promise<void> => {
  const { story, tether } = situation;
  story.bytes = (story.bytes ?? 0) + result.bytes;
  try {
    await conclude(situation, delivery, instruction, result);
    ledger.stories.add(story);
    // The member's own snapshot is behind it, or follows in the next session.
    if (delivery.isCargo) return;
    await settle(situation, delivery);
    const left = await released(situation, delivery.source);
    story.kept = [...story.kept, ...left];
    // What an interrupted cycle had begun is finished; the new snapshot follows it.
    if (delivery.sent.label !== label) return;
    situation.share.arrived(snapshotName(member.pair.source.dataset, label));
    ledger.close(member);
  } catch (error) {
    tether.signal.throwIfAborted();
    const beginning = error instanceof StuckPartial ? situation.beginning : undefined;
    const { request } = situation;
    if (hasRemedy(situation, error)) ledger.leave({ member, request, beginning });
    else ledger.fail(member, error, story);
  }
};

/** Records what arrives of a convoy, also while the rest of it is on its way. */
export class Records {
  readonly #ledger: Ledger;
  readonly #label: SnapshotLabel;
  readonly #passengers: ReadonlyMap<Passenger, Member>;
  readonly #begun = new Map<Passenger, Promise<void>>();

  constructor(ledger: Ledger, label: SnapshotLabel, passengers: ReadonlyMap<Passenger, Member>) {
    this.#ledger = ledger;
    this.#label = label;
    this.#passengers = passengers;
  }

  /** Begins with one; nothing for one that was begun before. */
  readonly begin = (passenger: Passenger, result: TransferResult): void => {
    const member = this.#passengers.get(passenger);
    if (member === undefined || this.#begun.has(passenger)) return;
    const work = recordOne(this.#ledger, this.#label, member, passenger, result);
    // The end awaits it.
    work.catch(() => undefined);
    this.#begun.set(passenger, work);
  };

  /** Records the rest, and waits for all; answers whether any member came further. */
  async end(results: ConvoyResults): Promise<boolean> {
    for (const [passenger, result] of results) {
      if (result !== undefined) this.begin(passenger, result);
    }
    await Promise.all(this.#begun.values());
    return this.#begun.size > 0;
  }
}
