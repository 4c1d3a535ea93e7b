import { usageError } from '../errors.ts';
import { shown } from '../zfs/names.ts';

const bytesPerUnit = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const millisecondsPerUnit = { s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

const parse = (
  text: string,
  pattern: RegExp,
  scale: Readonly<Record<string, number>>,
  advice: string,
): number => {
  const [, amount = '', unit = ''] = pattern.exec(text) ?? [];
  const value = Math.round(Number(amount) * (scale[unit.toLowerCase()] ?? Number.NaN));
  if (amount === '' || !Number.isSafeInteger(value) || value <= 0) {
    throw usageError(`'${shown(text)}' is not ${advice}`);
  }
  return value;
};

/** Reads an amount of bytes such as `10M` or `1.5G`; units are powers of 1024, as zfs has them. */
export const parseBytes = (text: string): number =>
  parse(
    text,
    /^([0-9]+(?:\.[0-9]+)?)([KMGT]?)(?:I?B)?$/i,
    bytesPerUnit,
    'a number of bytes above 0, such as 500K, 10M or 1.5G',
  );

/** A parser of times up to that one (milliseconds), which its complaint calls `longestShown`. */
const timeUpTo =
  (longest: number, longestShown: string) =>
  (text: string): number => {
    const time = parse(
      text,
      /^([0-9]+(?:\.[0-9]+)?) ?(s|m|min|h|d)$/,
      millisecondsPerUnit,
      'a time above 0 with its unit, such as 90s, 10m or 2h',
    );
    if (time > longest) throw usageError(`'${text}' is longer than ${longestShown}`);
    return time;
  };

/**
 * Reads a time such as `90s`, `10m`, `10 min` or `2h`, in milliseconds. A timer of Node takes at most 2^31 - 1 of
 * them, and fires at once for more.
 */
export const parseTime = timeUpTo(14 * millisecondsPerUnit.d, '14 days');

/**
 * Reads how long a connection is kept, as {@link parseTime} does. Whoever replicates less than once a day
 * gains nothing by it.
 */
export const parsePersistence = timeUpTo(millisecondsPerUnit.d, '24 hours');

/** Reads a whole number of at least 1. */
export const parseCount = (text: string): number => {
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw usageError(`'${shown(text)}' is not a whole number above 0`);
  return Number(text);
};
