import fc from 'fast-check';
import { faults } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { powerFaults } from './faults/power.ts';
import { processFaults } from './faults/processes.ts';
import { wireFaults } from './faults/wire.ts';
import { fresh, main, type Target, type Verb } from './pairs.ts';
import { inTheStream, type Moment } from './tap.ts';

/** One round: what strikes, when, and at which pair. */
export interface Round {
  readonly number: number;
  readonly faults: readonly Fault[];
  readonly moment: Moment | 'idle';
  /** Milliseconds from the moment to the strike. */
  readonly delay: number;
  /** MiB that the cycle has to send, at least. */
  readonly mebibytes: number;
  /** From 0 up to 1: what the fault picks among several. */
  readonly chance: number;
  readonly target: Target;
  readonly verb: Verb;
}

/** What may strike a first full send too. */
const strikesPrimes = new Set<Fault>([...processFaults, ...wireFaults, ...powerFaults]);

/** One in so many of the rounds that could strike a first full send does. */
const PRIMES_ONE_IN = 5;

const dice = fc.record({
  moment: fc.nat(9999),
  delay: fc.integer({ min: 0, max: 1500 }),
  mebibytes: fc.integer({ min: 12, max: 24 }),
  chance: fc.integer({ min: 0, max: 999 }).map((thousandths) => thousandths / 1000),
  companion: fc.integer({ min: 0, max: faults.length * 4 - 1 }),
  primes: fc.integer({ min: 1, max: PRIMES_ONE_IN }),
});

/** A second fault that can strike at the same moment as the first; one round in about four has one. */
const companion = (fault: Fault, moment: Moment | 'idle', number: number): readonly Fault[] => {
  const other = faults[number];
  if (other === undefined || other === fault || fault.alone || other.alone) return [];
  if (other.target !== fault.target) return [];
  // Which of two the exit code is about would be a guess.
  if (other.healing === 'person' || fault.healing === 'person') return [];
  return other.moments.includes(moment) ? [other] : [];
};

/**
 * The rounds of a seed, always the same ones. Every fault comes once before one comes again; `wanted`
 * narrows them down to those whose name has that text in it.
 */
export const schedule = (seed: number, rounds: number, wanted: string): readonly Round[] => {
  const deck = faults.filter(({ name }) => name.includes(wanted));
  if (deck.length === 0) throw new Error(`no fault's name has '${wanted}' in it`);
  const decks = Math.ceil(rounds / deck.length);
  const shuffled = fc.sample(fc.shuffledSubarray(deck, { minLength: deck.length }), {
    seed,
    numRuns: decks,
  });
  const throws = fc.sample(dice, { seed, numRuns: rounds });
  return throws.flatMap((thrown, index) => {
    const fault = shuffled.flat()[index];
    if (fault === undefined) return [];
    const moment = fault.moments[thrown.moment % fault.moments.length] ?? 'idle';
    const isPrime =
      fault !== undefined && strikesPrimes.has(fault) && thrown.primes === PRIMES_ONE_IN;
    return [
      {
        number: index + 1,
        faults: [fault, ...(isPrime ? [] : companion(fault, moment, thrown.companion))],
        moment,
        delay: thrown.delay,
        // A stream lasts longer than the longest delay, at the rate that it is sent with.
        mebibytes: inTheStream.some((each) => each === moment) ? thrown.mebibytes : 1,
        chance: thrown.chance,
        target: fault.target ?? (isPrime ? fresh : main),
        verb: isPrime ? ('prime' as const) : ('run' as const),
      },
    ];
  });
};
