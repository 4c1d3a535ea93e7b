import prettyBytes from 'pretty-bytes';
import { oneLine } from '../errors.ts';
import type { Entry, Failed, Replicated, Skipped } from './entry.ts';

/** ISO 8601 in UTC, to the second. */
export const timestamp = (time: Date): string => time.toISOString().replace(/\.[0-9]{3}Z$/, 'Z');

/** Bytes for people, in powers of 1024 as zfs counts: `12.3 MiB`. */
export const bytesShown = (bytes: number): string => prettyBytes(bytes, { binary: true });

/** Seconds for people: `2.1 s`, `3 min 20 s`, `2 h 5 min`. */
export const secondsShown = (seconds: number): string => {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
};

const subject = ({ source, sourceHost, snapshot }: Entry): string => {
  const from = sourceHost === undefined ? source : `${sourceHost}:${source}`;
  return snapshot === undefined ? from : `${from}@${snapshot}`;
};

const cargo = (carried: number | undefined): readonly string[] =>
  carried ? [`${carried} ${carried === 1 ? 'snapshot' : 'snapshots'} carried over`] : [];

const remarks = ({
  carried,
  notes,
  kept,
}: Pick<Replicated, 'carried' | 'notes' | 'kept'>): string => {
  const all = [...cargo(carried), ...notes, ...kept.map((what) => `kept ${what}`)];
  return all.length === 0 ? '' : ` (${all.join('; ')})`;
};

const replicated = (entry: Replicated): string => {
  const { to, kind, bytes, seconds } = entry;
  const size = bytes === undefined ? '' : ` ${bytesShown(bytes)}`;
  return `${subject(entry)} replicated to ${to} successfully. ${kind}${size} in ${secondsShown(seconds)}${remarks(entry)}`;
};

const failed = (entry: Failed): string =>
  `${subject(entry)} failed to replicate to ${entry.to}! ERROR! ${entry.error}${remarks(entry)}`;

const skipped = (entry: Skipped): string => {
  const { holder } = entry;
  if (holder === undefined)
    return `${subject(entry)} skipped for ${entry.to}: another run is at work`;
  const { pid, started, sent, total } = holder;
  const run = `the run of ${started.slice(11, 19)} (pid ${pid})`;
  const about = total === undefined ? '' : ` of about ${bytesShown(total)}`;
  const work = sent === undefined ? 'at work' : `sending, ${bytesShown(sent)}${about}`;
  return `${subject(entry)} skipped for ${entry.to}: ${run} is still ${work}`;
};

const words = (entry: Entry): string => {
  switch (entry.result) {
    case 'replicated':
      return replicated(entry);
    case 'failed':
      return failed(entry);
    case 'skipped':
      return skipped(entry);
  }
};

/**
 * The line of the text log, without its line break. `replicated to HOST successfully.` and
 * `failed to replicate to HOST! ERROR!` are the 2012 script's words; people grep for them.
 */
export const textLine = (entry: Entry): string =>
  oneLine(`${timestamp(entry.time)} ${words(entry)}`);
