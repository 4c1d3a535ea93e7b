import type { DatasetName } from '../zfs/names.ts';
import { parseReceiveReport, type ReceiveReport } from './agent-report.ts';

/** How the receiving half of a convoy went. */
export interface ConvoyReport {
  /** By the target's dataset; one that is missing was never begun. */
  readonly members: ReadonlyMap<DatasetName, ReceiveReport>;
  readonly decompressStatus: number | undefined;
  /** What stood outside of any member: the decompressor's words, for one. */
  readonly said: readonly string[];
  /** True when the agent came to its end, so that what it says of the target is what there is. */
  readonly complete: boolean;
}

/** Of an agent that nobody could listen to. */
export const nothingConveyed: ConvoyReport = {
  ...{ members: new Map(), decompressStatus: undefined, said: [], complete: false },
};

/** The lines of each member, by the word that names it (`.`, `./a/b`), and the rest under ''. */
interface Told {
  readonly receiving: Map<string, string[]>;
  readonly after: string[];
  readonly tidying: Map<string, string[]>;
}

const told = (lines: readonly string[]): Told => {
  const result: Told = { receiving: new Map(), after: [], tidying: new Map() };
  const under = (map: Map<string, string[]>, name: string): string[] => {
    const list = map.get(name) ?? [];
    map.set(name, list);
    return list;
  };
  let current = under(result.receiving, '');
  let map = result.receiving;
  for (const line of lines) {
    const into = /^into ?(.*)$/.exec(line)?.[1];
    if (into !== undefined) {
      current = under(map, into);
    } else if (line === 'section after') {
      current = result.after;
      map = result.tidying;
    } else if (line !== 'section convoy' && line !== 'end convoy') {
      current.push(line);
    }
  }
  return result;
};

/** Reads the agent's lines from `section convoy` on; they may break off anywhere. Throws for none of them. */
export const parseConvoyReport = (root: DatasetName, lines: readonly string[]): ConvoyReport => {
  const { receiving, after, tidying } = told(lines);
  const complete = lines.includes('end convoy');
  const rows = Map.groupBy(after, (line) => (line.split('\t')[2] ?? '').replace(/@.*$/, ''));
  const statuses = lines.flatMap((line) => /^status decompress ([0-9]+)$/.exec(line)?.[1] ?? []);
  const own = (name: string): DatasetName => `${root}${name.slice(1)}` as DatasetName;
  const report = (name: string, said: readonly string[]) =>
    parseReceiveReport(own(name), [
      ...['section receive', ...said, 'section after', ...(rows.get(own(name)) ?? [])],
      ...(tidying.get(name) ?? []),
      ...(complete ? ['end receive'] : []),
    ]);
  const members = [...receiving].filter(([name]) => name !== '');
  const isSpeech = (line: string) => !/^(status|beat) /.test(line) && line !== '';
  return {
    members: new Map(members.map(([name, said]) => [own(name), report(name, said)])),
    decompressStatus: statuses[0] === undefined ? undefined : Number(statuses[0]),
    said: (receiving.get('') ?? []).filter(isSpeech),
    complete,
  };
};
