import { dst, type Host, src } from '../../lab/support/host.ts';
import { quote, sh } from '../../lab/support/quote.ts';
import { SOURCE, type Target, targets } from '../pairs.ts';

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
  readonly snapshots: readonly Item[];
  readonly bookmarks: readonly Item[];
  readonly guid: string;
  readonly readonly: boolean;
  readonly mounted: boolean;
  readonly token: string | undefined;
}

/** Both hosts at one moment. */
export interface Look {
  readonly source: Seen;
  readonly targets: ReadonlyMap<Target, Seen>;
  /** Processes of zferry's on src, and of its agents on dst. */
  readonly processes: readonly string[];
  /** Files in zferry's folder that are no locks. */
  readonly files: readonly string[];
  readonly log: ReadonlyMap<Target, readonly string[]>;
}

const columns = 'type,name,guid,createtxg,userrefs,clones,readonly,mounted,receive_resume_token';

const list = (dataset: string): string =>
  sh`/usr/sbin/zfs list -Hp -d 1 -t filesystem,snapshot,bookmark -s createtxg -o ${columns} ${dataset} 2>/dev/null || true`;

const isSet = (text: string | undefined): boolean =>
  text !== undefined && text !== '-' && text !== '' && text !== '0';

/** What a receive builds in is a clone for as long as that goes on, and goes with it. */
const isCloned = (clones = ''): boolean =>
  clones.split(',').some((clone) => isSet(clone) && !clone.endsWith('/%recv'));

const read = (dataset: string, text: string): Seen | undefined => {
  const rows = text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t'));
  const own = rows.find(([, name]) => name === dataset);
  if (own === undefined) return undefined;
  const items = (type: string, mark: string): Item[] =>
    rows
      .filter(([kind]) => kind === type)
      .map(([, name = '', guid = '', createtxg = '', holds, clones]) => ({
        label: name.slice(name.indexOf(mark) + 1),
        guid,
        createtxg: Number(createtxg),
        inUse: isSet(holds) || isCloned(clones),
      }));
  return {
    snapshots: items('snapshot', '@'),
    bookmarks: items('bookmark', '#'),
    guid: own[2] ?? '',
    readonly: own[6] === 'on',
    mounted: own[7] === 'yes',
    token: isSet(own[8]) ? own[8] : undefined,
  };
};

const separator = '=====';

/** Several commands in one go; answers what each printed. */
const ask = async (host: Host, commands: readonly string[]): Promise<string[]> => {
  const output = await host.ok(commands.join(`; echo ${separator}; `), { timeout: 40_000 });
  return output.split(separator).map((part) => part.trim());
};

const processesHere = `ps -A -o pid=,args= | grep -E '/usr/local/bin/[z]ferry|[z]fs (send|snapshot|bookmark|destroy)|^ *[0-9]+ (lzop|pv|ssh) ' || true`;
const processesThere = `ps -A -o pid=,args= | grep -E '[z]ferry-agent|[z]fs (receive|destroy)|^ *[0-9]+ lzop ' || true`;
const files = 'ls -1 /run/zferry 2>/dev/null | grep -v "[.]lock$" || true';

/** Looks at everything. Throws when a host does not answer, or the source is gone. */
export const look = async (): Promise<Look> => {
  const [here, there] = await Promise.all([
    ask(src, [
      list(SOURCE),
      processesHere,
      files,
      ...targets.map(({ log }) => `cat ${quote(log)} 2>/dev/null || true`),
    ]),
    ask(dst, [processesThere, ...targets.map(({ dataset }) => list(dataset))]),
  ]);
  const [listing = '', running = '', left = '', ...logs] = here;
  const [agents = '', ...listings] = there;
  const source = read(SOURCE, listing);
  if (source === undefined) throw new Error(`${SOURCE} is gone`);
  const seen = targets.flatMap((target, index) => {
    const state = read(target.dataset, listings[index] ?? '');
    return state === undefined ? [] : [[target, state] as const];
  });
  const lines = (text = ''): string[] => text.split('\n').filter(Boolean);
  return {
    source,
    targets: new Map(seen),
    processes: [...lines(running), ...lines(agents)],
    files: lines(left),
    log: new Map(targets.map((target, index) => [target, lines(logs[index])] as const)),
  };
};
