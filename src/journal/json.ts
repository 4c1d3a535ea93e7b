import type { Entry } from './entry.ts';
import { timestamp } from './text.ts';

/**
 * The line of the JSON log, and what `--json` prints: the fields of README's table, in that order. What is
 * not known is left out. The fields are a contract: new ones may come, none goes or changes its meaning.
 */
export const jsonLine = (entry: Entry): string => {
  const { time, result, verb, source, target, host, snapshot, seconds, ...rest } = entry;
  const head = { time: timestamp(time), result, verb, source, target, host, snapshot };
  return JSON.stringify({ ...head, seconds: Math.round(seconds * 1000) / 1000, ...rest });
};
