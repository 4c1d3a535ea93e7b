import type { Entry } from './entry.ts';
import { timestamp } from './text.ts';

/** JSON leaves these as they are; a terminal that shows the log would act on them. */
const unescaped = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

const escapeOf = (character: string): string =>
  [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('');

/**
 * The line of the JSON log, and what `--json` prints: the fields of README's table, in that order. What is
 * not known is left out. The fields are a contract: new ones may come, none goes or changes its meaning.
 */
export const jsonLine = (entry: Entry): string => {
  const {
    time,
    result,
    verb,
    source,
    sourceHost,
    target,
    host,
    to: _,
    snapshot,
    seconds,
    ...rest
  } = entry;
  const head = { time: timestamp(time), result, verb, source, sourceHost, target, host, snapshot };
  const fields = { ...head, seconds: Math.round(seconds * 1000) / 1000, ...rest };
  return JSON.stringify(fields).replaceAll(unescaped, escapeOf);
};
