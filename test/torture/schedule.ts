import fc from 'fast-check';
import { type Entry, freshIn, type Shape, shapes, struckIn, type Verb } from './entries.ts';
import { faults } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { powerFaults } from './faults/power.ts';
import { processFaults } from './faults/processes.ts';
import { slowWires, wireFaults } from './faults/wire.ts';
import { inTheStream, type Moment } from './tap.ts';

/** One round: what strikes, when, and at which entry. */
export interface Round {
  readonly number: number;
  readonly faults: readonly Fault[];
  readonly moment: Moment | 'idle';
  /** Milliseconds from the moment to the strike. */
  readonly delay: number;
  /** MiB that the cycle has to send, at least. */
  readonly mebibytes: number;
  readonly chance: number;
  /** The same, for which dataset of a tree or which of two targets is meant. */
  readonly member: number;
  /** True where a child of the tree comes or goes before the cycle. */
  readonly changesChildren: boolean;
  readonly entry: Entry;
  readonly verb: Verb;
}

/** Which rounds are wanted: texts in a fault's name, and in a shape's. */
export interface Wanted {
  readonly fault: string;
  readonly shape: string;
}

/** What may strike a first full send too. */
const strikesPrimes = new Set<Fault>([
  ...processFaults,
  ...wireFaults.filter((fault) => !slowWires.includes(fault)),
  ...powerFaults,
]);

/** One in so many of the rounds that could strike a first full send does. */
const PRIMES_ONE_IN = 5;

const share = fc.integer({ min: 0, max: 999 }).map((thousandths): number => thousandths / 1000);

const dice = fc.record({
  moment: fc.nat(9999),
  delay: fc.integer({ min: 0, max: 1500 }),
  mebibytes: fc.integer({ min: 12, max: 24 }),
  chance: share,
  member: share,
  companion: fc.integer({ min: 0, max: faults.length * 4 - 1 }),
  primes: fc.integer({ min: 1, max: PRIMES_ONE_IN }),
  changesChildren: fc.boolean(),
});

const shapesOf = ({ shapes: own }: Fault, wanted: Wanted): readonly Shape[] =>
  (own ?? shapes).filter((shape) => shape.includes(wanted.shape));

/** A second fault that can strike at the same moment as the first; one round in about four has one. */
const companion = (
  fault: Fault,
  shape: Shape,
  moment: Moment | 'idle',
  number: number,
): readonly Fault[] => {
  const other = faults[number];
  if (other === undefined || other === fault || fault.alone || other.alone) return [];
  if (other.entry !== fault.entry) return [];
  if (other.shapes?.includes(shape) === false) return [];
  // Which of two the exit code is about would be a guess.
  if (other.healing === 'person' || fault.healing === 'person') return [];
  return other.moments.includes(moment) ? [other] : [];
};

/** Decks of everything, each shuffled, so that all comes once before anything comes again. */
const decksOf = <T>(deck: readonly T[], seed: number, count: number): readonly T[] =>
  fc
    .sample(fc.shuffledSubarray([...deck], { minLength: deck.length }), {
      seed,
      numRuns: Math.ceil(count / deck.length),
    })
    .flat();

/**
 * The rounds of a seed, always the same ones. Every fault comes once before one comes again, and so does every shape,
 * where the fault can strike it.
 */
export const schedule = (seed: number, rounds: number, wanted: Wanted): readonly Round[] => {
  const deck = faults.filter(
    (fault) => fault.name.includes(wanted.fault) && shapesOf(fault, wanted).length > 0,
  );
  if (deck.length === 0) {
    throw new Error(`no fault with '${wanted.fault}' in its name strikes a '${wanted.shape}'`);
  }
  const shuffled = decksOf(deck, seed, rounds);
  const shapeDeck = decksOf(shapes, seed, rounds);
  const throws = fc.sample(dice, { seed, numRuns: rounds });
  return throws.flatMap((thrown, index) => {
    const fault = shuffled[index];
    const drawn = shapeDeck[index];
    if (fault === undefined || drawn === undefined) return [];
    const possible = shapesOf(fault, wanted);
    const shape = possible.includes(drawn)
      ? drawn
      : (possible[Math.floor(thrown.member * possible.length)] ?? drawn);
    const moment = fault.moments[thrown.moment % fault.moments.length] ?? 'idle';
    const isPrime = strikesPrimes.has(fault) && thrown.primes === PRIMES_ONE_IN;
    const { delay, chance, member } = thrown;
    return [
      {
        number: index + 1,
        faults: [fault, ...(isPrime ? [] : companion(fault, shape, moment, thrown.companion))],
        moment,
        ...{ delay, chance, member },
        // A stream lasts longer than the longest delay, at the rate that it is sent with.
        mebibytes: inTheStream.some((each) => each === moment) ? thrown.mebibytes : 1,
        changesChildren: shape === 'tree' && thrown.changesChildren,
        entry: fault.entry ?? (isPrime ? freshIn : struckIn)[shape],
        verb: isPrime ? ('prime' as const) : ('run' as const),
      },
    ];
  });
};
