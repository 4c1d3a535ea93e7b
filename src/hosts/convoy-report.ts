import type { DatasetName } from '../zfs/names.ts';
import { parseReceiveReport, type ReceiveReport } from './agent-report.ts';

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

/** What was said of one stream, and the word that names its dataset (`.`, `./a/b`). */
interface Speech {
  readonly name: string;
  readonly said: string[];
}

interface Told {
  /** Before the first, and between the last and the look at what came of all. */
  readonly outside: string[];
  readonly receiving: Speech[];
  readonly after: string[];
  readonly tidying: Speech[];
}

const told = (lines: readonly string[]): Told => {
  const result: Told = { outside: [], receiving: [], after: [], tidying: [] };
  let current = result.outside;
  let speeches = result.receiving;
  for (const line of lines) {
    const into = /^into ?(.*)$/.exec(line)?.[1];
    if (into === '') {
      current = result.outside;
    } else if (into !== undefined) {
      current = [];
      speeches.push({ name: into, said: current });
    } else if (line === 'section after') {
      current = result.after;
      speeches = result.tidying;
    } else if (line !== 'section convoy' && line !== 'end convoy') {
      current.push(line);
    }
  }
  return result;
};

/** Reads the agent's lines from `section convoy` on; they may break off anywhere. Throws for none of them. */
export const parseConvoyReport = (root: DatasetName, lines: readonly string[]): ConvoyReport => {
  const { outside, receiving, after, tidying } = told(lines);
  const complete = lines.includes('end convoy');
  const rows = Map.groupBy(after, (line) => (line.split('\t')[2] ?? '').replace(/@.*$/, ''));
  const statuses = lines.flatMap((line) => /^status decompress ([0-9]+)$/.exec(line)?.[1] ?? []);
  const own = (name: string): DatasetName => `${root}${name.slice(1)}` as DatasetName;
  // Of each stream in the same order: several may be of one dataset.
  const report = ({ name, said }: Speech, index: number) =>
    parseReceiveReport(own(name), [
      ...['section receive', ...said, 'section after', ...(rows.get(own(name)) ?? [])],
      ...(tidying[index]?.said ?? []),
      ...(complete ? ['end receive'] : []),
    ]);
  const isSpeech = (line: string) => !/^(status|beat) /.test(line) && line !== '';
  return {
    streams: receiving.map(report),
    decompressStatus: statuses[0] === undefined ? undefined : Number(statuses[0]),
    said: outside.filter(isSpeech),
    complete,
  };
};
