import { failure } from '../errors.ts';
import { snapshotName } from '../zfs/names.ts';
import { conclude, tellStory } from './deliver.ts';
import type { Delivery } from './delivery.ts';
import { retract } from './retract.ts';
import type { Situation } from './situation.ts';
import { convoy, longestConvoy, passengersOf } from './tree/convoy.ts';
import type { Wire } from './wire.ts';

/**
 * Sends what is carried over and then the new snapshot, one behind the other in the one session, and makes sure of each
 * that it arrived. Answers false where there was more than goes into one session, and all of that arrived. Throws
 * what went wrong; what arrived before stays, and has its bookmark.
 */
export const deliverSteps = async (
  situation: Situation,
  delivery: Delivery,
  wire: Wire,
): Promise<boolean> => {
  const { request, story, observer, tether } = situation;
  tellStory(story, request, delivery, wire);
  const all = passengersOf(situation, delivery);
  const passengers = all.slice(0, longestConvoy);
  const name = snapshotName(request.pair.source.dataset, delivery.sent.label);
  observer.step(`sending ${delivery.before.length} snapshots of others, then ${name}`);
  const { made } = delivery.before[0] ?? delivery;
  // Whatever throws here threw before the first byte.
  const { broken, results } = await convoy(situation, passengers, wire).catch((reason: unknown) =>
    retract(situation, tether.signal.aborted ? [] : made, reason),
  );
  if (broken !== undefined) throw broken;
  story.bytes = 0;
  for (const passenger of passengers) {
    const result = results.get(passenger);
    if (result === undefined)
      throw failure(`the stream of @${passenger.delivery.sent.label} was not begun`);
    story.bytes += result.bytes;
    await conclude(situation, passenger.delivery, passenger.instruction, result);
  }
  return passengers.length === all.length;
};
