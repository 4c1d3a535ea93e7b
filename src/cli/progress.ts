import { bytesShown, secondsShown } from '../journal/text.ts';
import type { Progress } from '../replication/observer.ts';

/** What zfs reported, and when (milliseconds of a clock that only goes on). */
interface Report {
  readonly at: number;
  readonly sent: number;
}

/**
 * Over how long (milliseconds) the rate is taken: long enough that the chunks in which a limiter or a slow
 * wire let bytes through do not show, short enough to follow a wire that changes.
 */
const span = 10_000;

/** How long (milliseconds) after its first report a stream may still be filling the buffers before the wire, mostly ssh's. */
const settling = 1_500;

/** In bytes a second; undefined until there are two reports. */
const rateOf = (reports: readonly Report[]): number | undefined => {
  const [first] = reports;
  const last = reports.at(-1);
  if (first === undefined || last === undefined || last.at === first.at) return undefined;
  return ((last.sent - first.sent) * 1_000) / (last.at - first.at);
};

/** How far a stream is; `rate` in bytes a second, where it is known. */
type Wording = (progress: Progress, rate: number | undefined) => string;

const speedText = (rate: number | undefined): string =>
  rate === undefined ? '' : `, ${bytesShown(Math.round(rate))}/s`;

/** In few words, where several streams share a line. */
export const shortText: Wording = ({ sent, total }, rate) => {
  const isKnown = total !== undefined && total >= sent;
  const share = isKnown ? `${Math.floor((100 * sent) / total)} %` : bytesShown(sent);
  return `${share}${speedText(rate)}`;
};

/** A line of at most so many characters. */
export const cut = (line: string, most: number): string =>
  line.length > most ? `${line.slice(0, Math.max(0, most - 1))}…` : line;

const fullText: Wording = ({ sent, total }, rate) => {
  const speed = speedText(rate);
  // The total is zfs's estimate, which forgets what surrounds tiny files. Past it, it is known to be wrong.
  if (total === undefined || total < sent) return `${bytesShown(sent)}${speed}`;
  const share = Math.floor((100 * sent) / total);
  const left = rate ? `, ${secondsShown((total - sent) / rate)} left` : '';
  return `${bytesShown(sent)} of about ${bytesShown(total)}, ${share} %${speed}${left}`;
};

/**
 * Tells how far a stream is, from one report of zfs to the next: bytes before compression, the share of zfs's
 * estimate, the rate of the last ten seconds, and how long the rest takes at that rate. What goes into the buffers
 * between zfs and the wire does not count for the rate: it is told from the fourth second on.
 */
export const progressTeller = (
  text: Wording = fullText,
): ((progress: Progress, at: number) => string) => {
  let began: number | undefined;
  let reports: readonly Report[] = [];
  return (progress, at) => {
    began ??= at;
    if (at < began + settling) return text(progress, undefined);
    const old = reports.findLastIndex((report) => report.at <= at - span);
    reports = [...reports.slice(Math.max(0, old)), { at, sent: progress.sent }];
    return text(progress, rateOf(reports));
  };
};
