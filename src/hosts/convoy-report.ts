import type { DatasetName } from '../zfs/names.ts';
import { parseReceiveReport, type ReceiveReport } from './receive-report.ts';

/** How the receiving half of a convoy went. */
export interface ConvoyReport {
  /** In the order of their streams; one that is missing was never begun. */
  readonly streams: readonly ReceiveReport[];
  readonly decompressStatus: number | undefined;
  /** What stood outside of any member: the decompressor's words, for one. */
  readonly said: readonly string[];
  /** True when the agent came to its end, so that what it says of the target is what there is. */
  readonly complete: boolean;
}

/** Of an agent that nobody could listen to. */
export const nothingConveyed: ConvoyReport = {
  ...{ streams: [], decompressStatus: undefined, said: [], complete: false },
};

/** What was said of one stream. */
interface Speech {
  /** The word that names its dataset (`.`, `./a/b`). */
  readonly name: string;
  /** While it was received. */
  readonly said: string[];
  /** Behind the look at what came of it. */
  readonly tidying: string[];
  readonly leg: Leg;
}

/** Some streams, and one look at what came of all of them. */
interface Leg {
  readonly after: string[];
  isEnded: boolean;
}

interface Told {
  /** What stands before the first stream, and between the last of a leg and the look. */
  readonly outside: string[];
  readonly speeches: readonly Speech[];
}

const told = (lines: readonly string[]): Told => {
  const outside: string[] = [];
  const speeches: Speech[] = [];
  let leg: Leg = { after: [], isEnded: false };
  let current = outside;
  let tidied: Speech[] | undefined;
  for (const line of lines) {
    const into = /^into ?(.*)$/.exec(line)?.[1];
    if (into === '') {
      current = outside;
    } else if (into !== undefined && tidied !== undefined) {
      current = tidied.shift()?.tidying ?? [];
    } else if (into !== undefined) {
      const speech: Speech = { name: into, said: [], tidying: [], leg };
      speeches.push(speech);
      current = speech.said;
    } else if (line === 'section after') {
      current = leg.after;
      // In the order of their streams: several may be of one dataset.
      tidied = speeches.filter((speech) => speech.leg === leg);
    } else if (line === 'end leg') {
      leg.isEnded = true;
      leg = { after: [], isEnded: false };
      current = outside;
      tidied = undefined;
    } else if (line !== 'section convoy' && line !== 'end convoy') {
      current.push(line);
    }
  }
  return { outside, speeches };
};

/**
 * Reads the agent's lines from `section convoy` on; they may break off anywhere. Throws for none of them. The report of a stream
 * is complete when its leg has ended.
 */
export const parseConvoyReport = (root: DatasetName, lines: readonly string[]): ConvoyReport => {
  const { outside, speeches } = told(lines);
  const statuses = lines.flatMap((line) => /^status decompress ([0-9]+)$/.exec(line)?.[1] ?? []);
  const report = ({ name, said, tidying, leg: { after, isEnded } }: Speech): ReceiveReport => {
    const own = `${root}${name.slice(1)}` as DatasetName;
    const rows = after.filter((line) => (line.split('\t')[2] ?? '').replace(/@.*$/, '') === own);
    return parseReceiveReport(own, [
      ...['section receive', ...said, 'section after', ...rows],
      ...tidying,
      ...(isEnded ? ['end receive'] : []),
    ]);
  };
  const isSpeech = (line: string) => !/^(status|beat) /.test(line) && line !== '';
  return {
    streams: speeches.map(report),
    decompressStatus: statuses[0] === undefined ? undefined : Number(statuses[0]),
    said: outside.filter(isSpeech),
    complete: lines.includes('end convoy'),
  };
};
