import { appendFileSync, readFileSync } from 'node:fs';
import { type Shape, shapes } from './entries.ts';
import type { Outcome } from './round.ts';
import type { Round } from './schedule.ts';

/** What is remembered of a round, one JSON object a line: tables are made of several seeds. */
export interface RoundResult {
  readonly seed: number;
  readonly number: number;
  readonly shape: Shape;
  readonly faults: readonly string[];
  readonly moment: string;
  readonly verb: string;
  readonly cycles: number;
  readonly hints: readonly string[];
  readonly violations: readonly string[];
}

export const resultOf = (seed: number, round: Round, outcome: Outcome): RoundResult => ({
  seed,
  number: round.number,
  shape: round.entry.shape,
  faults: round.faults.map(({ name }) => name),
  moment: round.moment === 'idle' ? 'between cycles' : round.moment.name,
  verb: round.verb,
  cycles: outcome.cycles,
  hints: outcome.hints,
  violations: outcome.violations,
});

export const appendResult = (file: string, result: RoundResult): void =>
  appendFileSync(file, `${JSON.stringify(result)}\n`);

export const readResults = (file: string): readonly RoundResult[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RoundResult);

interface Row {
  /** Rounds of each shape, in the order of {@link shapes}. */
  rounds: readonly number[];
  itself: number;
  hint: number;
  cycles: number;
  violations: number;
}

const added = (row: Row, { shape, cycles, hints, violations }: RoundResult): Row => ({
  rounds: row.rounds.map((count, index) => count + Number(shapes[index] === shape)),
  itself: row.itself + Number(violations.length === 0 && hints.length === 0),
  hint: row.hint + Number(violations.length === 0 && hints.length > 0),
  cycles: Math.max(row.cycles, cycles),
  violations: row.violations + Number(violations.length > 0),
});

const none: Row = { rounds: shapes.map(() => 0), itself: 0, hint: 0, cycles: 0, violations: 0 };

const headings = [
  'fault',
  ...shapes,
  'healed by itself',
  'healed by the hint',
  'cycles needed at most',
  'violations',
];

const rowOf = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/**
 * Fault, rounds of each shape, healed by itself, healed by the hint, most cycles needed, violations; as Markdown. The
 * last row is of all rounds.
 */
export const tableOf = (results: readonly RoundResult[]): string => {
  const rows = new Map<string, Row>();
  for (const result of results) {
    for (const name of result.faults) rows.set(name, added(rows.get(name) ?? none, result));
  }
  const total = results.reduce(added, none);
  const lines = [...rows].toSorted(([a], [b]) => a.localeCompare(b));
  return [
    rowOf(headings),
    `|${'---|'.repeat(headings.length)}`,
    ...[...lines, ['all rounds', total] as const].map(([name, { rounds, ...row }]) =>
      rowOf([name, ...rounds, ...Object.values(row)]),
    ),
  ].join('\n');
};

/** How many rounds and violations there were, for each seed. */
export const summaryOf = (results: readonly RoundResult[]): string =>
  [...Map.groupBy(results, ({ seed }) => seed)]
    .map(([seed, rounds]) => {
      const violated = rounds.filter(({ violations }) => violations.length > 0).length;
      return `seed ${seed}: ${rounds.length} rounds, ${violated} with violations`;
    })
    .join('\n');
