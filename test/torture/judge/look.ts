import { dst, type Host, src } from '../../lab/support/host.ts';
import { quote, sh } from '../../lab/support/quote.ts';
import { type Entry, entries, sources } from '../entries.ts';

/** A snapshot or bookmark as the judge saw it. */
export interface Item {
  readonly label: string;
  readonly guid: string;
  readonly createtxg: number;
  /** Held by somebody, or cloned. */
  readonly inUse: boolean;
}

/** A dataset as the judge saw it. */
export interface Seen {
  readonly isVolume: boolean;
  readonly snapshots: readonly Item[];
  readonly bookmarks: readonly Item[];
  readonly guid: string;
  readonly readonly: boolean;
  readonly mounted: boolean;
  readonly token: string | undefined;
}

/** Datasets by their names. */
export type Datasets = ReadonlyMap<string, Seen>;

/** Both hosts at one moment. */
export interface Look {
  /** The sources, and all below them. */
  readonly sources: Datasets;
  /** The targets, and all below them. */
  readonly replicas: Datasets;
  /** Processes of zferry's on src, and of its agents on dst. */
  readonly processes: readonly string[];
  /** Files in zferry's folder that are no locks. */
  readonly files: readonly string[];
  readonly log: ReadonlyMap<Entry, readonly string[]>;
}

const columns = 'type,name,guid,createtxg,userrefs,clones,readonly,mounted,receive_resume_token';

const list = (dataset: string): string =>
  sh`/usr/sbin/zfs list -Hp -r -t filesystem,volume,snapshot,bookmark -s createtxg -o ${columns} ${dataset} 2>/dev/null || true`;

const isSet = (text: string | undefined): boolean =>
  text !== undefined && text !== '-' && text !== '' && text !== '0';

/** What a receive builds in is a clone for as long as that goes on, and goes with it. */
const isCloned = (clones = ''): boolean =>
  clones.split(',').some((clone) => isSet(clone) && !clone.endsWith('/%recv'));

const itemsIn = (rows: readonly (readonly string[])[], type: string): readonly Item[] =>
  rows
    .filter(([kind]) => kind === type)
    .map(([, name = '', guid = '', createtxg = '', holds, clones]) => ({
      label: name.replace(/^[^@#]*[@#]/, ''),
      guid,
      createtxg: Number(createtxg),
      inUse: isSet(holds) || isCloned(clones),
    }));

/** What a listing says of a dataset and all below it. */
const read = (text: string): readonly (readonly [string, Seen])[] => {
  const rows = text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t'));
  const groups = Map.groupBy(rows, ([, name = '']) => name.replace(/[@#].*$/, ''));
  return [...groups].flatMap(([dataset, group]) => {
    const own = group.find(([, name]) => name === dataset);
    if (own === undefined) return [];
    const seen: Seen = {
      isVolume: own[0] === 'volume',
      snapshots: itemsIn(group, 'snapshot'),
      bookmarks: itemsIn(group, 'bookmark'),
      guid: own[2] ?? '',
      readonly: own[6] === 'on',
      mounted: own[7] === 'yes',
      token: isSet(own[8]) ? own[8] : undefined,
    };
    return [[dataset, seen] as const];
  });
};

const separator = '=====';

/** Several commands in one go; answers what each printed. */
const ask = async (host: Host, commands: readonly string[]): Promise<string[]> => {
  const output = await host.ok(commands.join(`; echo ${separator}; `), { timeout: 60_000 });
  return output.split(separator).map((part) => part.trim());
};

const processesHere = `ps -A -o pid=,args= | grep -E '/usr/local/bin/[z]ferry|[z]ferry-(convoy|commands|zfs)|[z]fs (send|snapshot|bookmark|destroy)|^ *[0-9]+ (lzop|pv|ssh) ' || true`;
const processesThere = `ps -A -o pid=,args= | grep -E '[z]ferry-agent|[z]fs (receive|destroy)|^ *[0-9]+ lzop ' || true`;
// The folder of kept connections stays, as the locks do.
const files = 'ls -1 /run/zferry 2>/dev/null | grep -v -e "[.]lock$" -e "^ssh$" || true';

const replicaRoots = entries.flatMap(({ targets }) => targets.map(({ dataset }) => dataset));

/** Looks at everything. Throws when a host does not answer, or a source is gone. */
export const look = async (): Promise<Look> => {
  const [here, there] = await Promise.all([
    ask(src, [
      processesHere,
      files,
      ...sources.map(list),
      ...entries.map(({ log }) => `cat ${quote(log)} 2>/dev/null || true`),
    ]),
    ask(dst, [processesThere, ...replicaRoots.map(list)]),
  ]);
  const [running = '', left = '', ...rest] = here;
  const [agents = '', ...listings] = there;
  const seen = new Map(rest.slice(0, sources.length).flatMap(read));
  const logs = rest.slice(sources.length);
  const lost = sources.find((source) => !seen.has(source));
  if (lost !== undefined) throw new Error(`${lost} is gone`);
  const lines = (text = ''): string[] => text.split('\n').filter(Boolean);
  return {
    sources: seen,
    replicas: new Map(listings.flatMap(read)),
    processes: [...lines(running), ...lines(agents)],
    files: lines(left),
    log: new Map(entries.map((entry, index) => [entry, lines(logs[index])] as const)),
  };
};

/** A dataset of a source and its replica. */
export interface Pair {
  readonly entry: Entry;
  readonly source: string;
  readonly here: Seen;
  readonly replica: string;
  readonly there: Seen;
}

/** All pairs of an entry that are there on both sides. */
export const pairsOf = (entry: Entry, { sources: here, replicas }: Look): readonly Pair[] =>
  entry.targets.flatMap(({ dataset: root }) =>
    [...replicas]
      .filter(([name]) =>
        entry.shape === 'tree' ? `${name}/`.startsWith(`${root}/`) : name === root,
      )
      .flatMap(([replica, there]) => {
        const source = `${entry.source}${replica.slice(root.length)}`;
        const own = here.get(source);
        return own === undefined ? [] : [{ entry, source, here: own, replica, there }];
      }),
  );

/** All pairs there are. */
export const allPairs = (seen: Look): readonly Pair[] =>
  entries.flatMap((entry) => pairsOf(entry, seen));
