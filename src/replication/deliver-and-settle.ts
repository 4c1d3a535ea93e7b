import type { MemberInstruction } from '../hosts/agent-instructions.ts';
import { deliver } from './deliver.ts';
import type { Delivery } from './delivery.ts';
import { Settlement } from './settle.ts';
import type { Arrival } from './situation.ts';
import type { Wire } from './wire.ts';

/** What came of a delivery that arrived. */
interface Settled {
  /** True where nothing is left to be done on the source. */
  readonly isDone: boolean;
  /** What the target was told to destroy. */
  readonly prune: MemberInstruction['prune'];
}

/**
 * Sends, verifies, records and prunes. The source's snapshots are pruned as soon as the target has shown the new one;
 * all that says "verified" waits for the end of its session. Throws as `deliver` does; what could not be pruned is in the story.
 * `onLost` hears of an error before which the target had not shown the new snapshot, and may throw another one.
 */
export const deliverAndSettle = async (
  arrival: Arrival,
  delivery: Delivery,
  wire: Wire,
  onLost: (error: unknown) => Promise<void> = () => Promise.resolve(),
): Promise<Settled> => {
  const settlement = new Settlement(arrival, delivery);
  const begun = () => {
    if (!settlement.isBegun) arrival.observer.step('recording and pruning');
    return settlement;
  };
  const sending = deliver(arrival, delivery, wire, () => void begun().prune());
  const { prune } = await sending.catch(async (error: unknown) => {
    await settlement.idle();
    if (!settlement.isBegun) await onLost(error);
    throw error;
  });
  return { isDone: await begun().end(), prune };
};
