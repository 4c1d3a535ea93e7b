/** The middle one, or the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

export const two = (value: number): string => value.toFixed(2);

/** Median, and from where to where they spread. */
export const spread = (values: readonly number[]): string =>
  `${two(median(values))} (${two(Math.min(...values))} to ${two(Math.max(...values))})`;

/** A Markdown table. */
export const table = (
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string => {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
};

/** One of the project's goals, and whether this run reached it. */
export interface Goal {
  readonly what: string;
  readonly figure: string;
  readonly reached: boolean;
}

/** A figure that is not to be above a limit. */
export const atMost = (what: string, value: number, limit: number, unit = ''): Goal => ({
  what,
  figure: `${two(value)}${unit} (at most ${limit}${unit})`,
  reached: value <= limit,
});

/** A figure that is not to be below a limit. */
export const atLeast = (what: string, value: number, limit: number, unit = ''): Goal => ({
  what,
  figure: `${two(value)}${unit} (at least ${limit}${unit})`,
  reached: value >= limit,
});

/** What one scenario found. */
export interface Section {
  readonly title: string;
  readonly text: string;
  readonly goals: readonly Goal[];
}
