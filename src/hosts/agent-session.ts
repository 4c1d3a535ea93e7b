import { closeSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { failure, type ZferryError } from '../errors.ts';
import { type DatasetName, type Guid, parentOf, poolOf, type SnapshotLabel } from '../zfs/names.ts';
import { agentProgram, beatProgram, type Scope } from './agent-program.ts';
import {
  type Action,
  areShort,
  parseAction,
  parseFacts,
  parseReceiveReport,
  parseShortFacts,
  parseSought,
  type ReceiveReport,
  type ShortFacts,
  type TargetFacts,
} from './agent-report.ts';
import { channelProgram } from './channel-program.ts';
import { type Child, type Ending, startChild } from './child.ts';
import type { Compression } from './compressors.ts';
import { type ConvoyReport, parseConvoyReport } from './convoy-report.ts';
import { isInstalled } from './environment.ts';
import { type Inspected, parseInspection } from './inspection.ts';
import { linesOf } from './lines.ts';
import { loggingIn } from './logins.ts';
import { makePipes, type Pipe } from './pipe.ts';
import { type Host, hostShown, type Place, type RemoteHost } from './place.ts';
import { firstLineLimit, type Route, routeTo } from './route.ts';
import { sshCommand } from './ssh.ts';
import { sessionFailure } from './ssh-failure.ts';
import type { Tether } from './tether.ts';
import { quoted } from './words.ts';

/** What a session with a target's host needs to know. */
export interface SessionOptions {
  readonly target: Place;
  /** Whether it is about the datasets below the target too; the target alone unless given. */
  readonly scope?: Scope;
  /** Lower-case hexadecimal; the same for every run of the pair. */
  readonly key: string;
  /** The one snapshot of the target that its first facts are to tell of; undefined for all. Not of a tree. */
  readonly known?: SnapshotLabel | undefined;
  readonly sudo: boolean;
  readonly sshOptions: readonly string[];
  /** How long (milliseconds) ssh is to keep the connection for later runs; undefined: not at all. */
  readonly persist: number | undefined;
  /** What makes that a connection of this run's own, which no other finds. */
  readonly own?: string | undefined;
  /** Is called whenever the session has been started; ssh may take a while to connect. */
  readonly whileConnecting?: () => void;
}

/** What the target's half of a transfer is to do. */
export interface ReceiveInstruction extends MemberInstruction {
  readonly compression: Compression;
}

/** The same for one of several streams, which share their compression. */
export interface MemberInstruction {
  /** `full` and `volume` make the dataset, or complete it; a volume has no canmount. */
  readonly mode: 'full' | 'volume' | 'incremental';
  /** True for what is to be made without encryption, whatever the dataset above it has. */
  readonly isPlain?: boolean;
  /** Properties that the stream has and the target does not take. */
  readonly keeps: readonly string[];
  /** The snapshot that must be there afterwards. */
  readonly label: SnapshotLabel;
  readonly guid: Guid;
  /** What to destroy once it is. */
  readonly prune: readonly { readonly label: SnapshotLabel; readonly guid: Guid }[];
}

/** One session with the agent on the target, over ssh or on this host; docs/PROTOCOL.md has the lines that are spoken. */
export interface AgentSession {
  /** How ssh got there; undefined on this host. */
  readonly route: Route | undefined;
  /** True where the login printed something before the agent spoke. */
  readonly isNoisy: boolean;
  /** What the agent says first, which is to be asked for once; of all snapshots. */
  readonly facts: () => Promise<TargetFacts>;
  /** The same, short where the session was opened with a known snapshot. */
  readonly glance: () => Promise<TargetFacts | ShortFacts>;
  /** Looks again, at all snapshots. */
  readonly list: () => Promise<TargetFacts>;
  /** Ends agents of earlier runs there, then looks again. */
  readonly replacePredecessors: () => Promise<TargetFacts>;
  /** `zfs receive -A`, then looks again. Throws a failure when zfs did not do it. */
  readonly abortPartial: () => Promise<TargetFacts>;
  /** `zfs rollback -r` to a snapshot of the target, then looks again. Throws a failure in zfs's words. */
  readonly rollBack: (to: {
    readonly label: SnapshotLabel;
    readonly guid: Guid;
  }) => Promise<TargetFacts>;
  /** Renames the target (by its guid) aside, without mounting anything. Throws a failure in zfs's words. */
  readonly setAside: (guid: Guid) => Promise<TargetFacts>;
  /** Renames the fresh replica (by its guid) to the target, without mounting anything. Throws as `setAside`. */
  readonly promote: (guid: Guid) => Promise<TargetFacts>;
  /** Destroys what stands aside (by its guid) with its snapshots; nothing below it. Throws as `setAside`. */
  readonly discard: (guid: Guid) => Promise<TargetFacts>;
  /** Looks closer: all that is of the target, below it, and beside it by the names that zferry gives. */
  readonly inspect: () => Promise<readonly Inspected[]>;
  /** Full names of the snapshots of that guid in the target's pool, those beside the target if there are any. */
  readonly seek: (guid: Guid) => Promise<readonly string[]>;
  /**
   * Makes the agent ready and hands out the session's standard input, for the last process of the pipeline;
   * the report comes when the agent has ended, complete or not.
   */
  readonly receive: (instruction: ReceiveInstruction) => Promise<Receiving<ReceiveReport>>;
  /**
   * The same for streams one behind the other, each with the lines of {@link memberLines} in front. Of a tree only.
   * `onLeg` gets what is known by then whenever the target is done with some of them.
   */
  readonly convoy: (
    compression: Compression,
    onLeg: (report: ConvoyReport) => void,
  ) => Promise<Receiving<ConvoyReport>>;
  /** Makes what is missing between the pool and the target: read-only, never mounted. Of a tree only. */
  readonly makeParents: () => Promise<TargetFacts>;
  /** Ends the session, in order where the wire still lives, and waits for its end. */
  readonly close: () => Promise<void>;
  /** Ends it at once; an agent behind ssh notices by itself. */
  readonly kill: () => void;
}

export interface Receiving<Report> {
  /** The session's standard input, a pipe's end; whoever takes it closes it. */
  readonly input: number;
  /** Rejects where the target said more than one may. */
  readonly report: Promise<Report>;
  /** The report up to where the target begins to prune, or all of it where it does not come to that. Rejects as `report` does. */
  readonly arrived: Promise<Report>;
  /** The end of ssh, or of the agent's own shell on this host. */
  readonly ssh: Promise<Ending>;
  /** Changes as long as ssh carries bytes, or the processes on the target use the processor or say something. */
  readonly pulse: () => string;
}

/**
 * How much (bytes of this process's memory, about) a target may say at a time: some hundred thousand
 * snapshots. A hostile one must not fill the memory.
 */
const mostText = 64 * 2 ** 20;
/** What a line takes beside its characters. */
const lineOverhead = 48;

/** How long (milliseconds) a session that is no longer needed gets to end in order. */
const graceAtClose = 3_000;

/** How often (seconds) the target tells that it is alive: a few times within the stall limit (milliseconds). */
export const beatInterval = (stall: number): number =>
  Math.max(1, Math.min(20, Math.floor(stall / 4_000)));

/** What a shell runs to be the agent. */
const agentWords = (
  { target, key, sudo, scope, known }: SessionOptions,
  stall: number,
): readonly [string, ...string[]] => {
  const parameters = [
    target.dataset,
    parentOf(target.dataset) ?? target.dataset,
    poolOf(target.dataset),
    sudo ? 'sudo -n' : '',
    beatProgram(beatInterval(stall)),
    known ?? '',
    ...(scope === undefined || scope === 'dataset' ? [] : [channelProgram]),
  ];
  return ['sh', '-c', agentProgram(key, scope), 'zferry-agent', ...parameters];
};

/** The process that leads to the agent. */
interface Way {
  readonly argv: readonly [string, ...string[]];
  readonly folder: string | undefined;
  /** True where it is the agent itself, with a process group of its own. */
  readonly leads: boolean;
}

/** On this host. Any folder may be one that its user cannot enter, or that somebody wants to unmount. */
const wayHere = (options: SessionOptions, tether: Tether): Way => ({
  argv: agentWords(options, tether.stall),
  folder: '/',
  leads: true,
});

const wayBySsh = (
  options: SessionOptions,
  host: RemoteHost,
  { settings, sshOptions, kept }: Route,
  tether: Tether,
): Way => {
  const [shell, flag, ...words] = agentWords(options, tether.stall);
  const command = [shell, flag, ...words.map(quoted)].join(' ');
  return {
    argv: sshCommand(host, command, settings, sshOptions, kept),
    // A kept connection stays in its folder: not in one that somebody wants to unmount. cron's is the home.
    folder: kept === undefined ? undefined : homedir(),
    leads: false,
  };
};

const modeWord = ({ mode, isPlain, keeps }: MemberInstruction): string =>
  [isPlain ? `plain-${mode}` : mode, ...keeps].join('+');

const receivedWords = ({ guid, label, prune }: MemberInstruction): readonly string[] => [
  guid,
  label,
  ...prune.map((each) => `${each.guid}=${each.label}`),
];

/** The words of the `receive` command. */
export const receiveWords = (instruction: ReceiveInstruction): readonly string[] => [
  ...['receive', modeWord(instruction), instruction.compression],
  ...receivedWords(instruction),
];

/**
 * The two lines in front of a convoy's stream: which dataset of the tree it is for (`.` or `./below/it`), and what
 * is to be done with it.
 */
export const memberLines = (
  root: DatasetName,
  dataset: DatasetName,
  instruction: MemberInstruction,
): readonly [string, string] => [
  `.${dataset.slice(root.length)}`,
  [modeWord(instruction), ...receivedWords(instruction)].join('/'),
];

/** A command to the agent. Its words hold no `/`: names within a dataset cannot. */
export const commandLine = (words: readonly string[]): string => `${words.join('/')}\n`;

/** The agent's side of the conversation, without what the login printed before it. */
class Conversation {
  readonly child: Child;
  isNoisy = false;
  readonly #lines: AsyncIterator<string, undefined>;
  readonly #options: SessionOptions;
  readonly #tether: Tether;
  #input: number | undefined;
  #last = '';

  constructor(
    options: SessionOptions,
    { argv, folder, leads }: Way,
    { readEnd, writeEnd }: Pipe,
    tether: Tether,
  ) {
    this.child = startChild(argv, [readEnd, 'pipe'], tether, { folder, leads });
    closeSync(readEnd);
    this.#input = writeEnd;
    const { stdout } = this.child.process;
    if (stdout === null) throw failure('the session started without its output');
    this.#lines = linesOf(stdout);
    this.#options = options;
    this.#tether = tether;
  }

  /** Hands the session's standard input out, for good. */
  takeInput(): number {
    const input = this.#input;
    if (input === undefined) throw failure('the session has ended');
    this.#input = undefined;
    return input;
  }

  /** Lets the agent see the end of its input, unless somebody else has it now. */
  endInput(): void {
    if (this.#input !== undefined) closeSync(this.takeInput());
  }

  /** The newest line. */
  get last(): string {
    return this.#last;
  }

  /** True when the agent has begun to speak, false when the limit (milliseconds) came first. */
  async greeted(limit: number): Promise<boolean> {
    const greeting = `zferry-agent 1 ${this.#options.key}`;
    // What the login printed last may have had no line break, and stand before it on the same line.
    const begun = this.#until(
      (line) => {
        const isBegun = line.endsWith(greeting);
        if (line !== '' && line !== greeting) this.isNoisy = true;
        return isBegun;
      },
      () => undefined,
    );
    return await this.#within(begun, limit);
  }

  /** The lines up to that one. Throws when ssh ends before it, or nothing comes for the stall limit. */
  async until(last: string): Promise<string[]> {
    const { lines, add } = this.#collect();
    const answered = this.#until((line) => line === last, add);
    if (await this.#within(answered, this.#tether.stall)) return lines;
    this.child.kill('SIGKILL');
    throw failure(`${hostShown(this.#options.target.host)} stopped answering`);
  }

  /** The lines to ssh's end, without the beat; `onLine` gets each, and all that have come, as it comes. */
  async rest(onLine: (line: string, lines: readonly string[]) => void): Promise<string[]> {
    const { lines, add } = this.#collect();
    for (let line = await this.#next(); line !== undefined; line = await this.#next()) {
      if (line.startsWith('beat ')) continue;
      add(line);
      onLine(line, lines);
    }
    return lines;
  }

  async say(...words: readonly string[]): Promise<void> {
    try {
      // A line is shorter than what a pipe holds, and the agent waits for it: this does not block.
      if (this.#input !== undefined) writeSync(this.#input, commandLine(words));
    } catch (error) {
      throw await this.#ended(error);
    }
  }

  async #next(): Promise<string | undefined> {
    const line = await this.#lines.next();
    if (line.done === true) return undefined;
    this.#last = line.value;
    return line.value;
  }

  async #until(isLast: (line: string) => boolean, add: (line: string) => void): Promise<true> {
    for (;;) {
      const line = await this.#next();
      if (line === undefined) throw await this.#ended();
      if (isLast(line)) return true;
      add(line);
    }
  }

  /** Keeps lines, up to what a target may say; ends the session of one that says more, and throws. */
  #collect(): { readonly lines: string[]; readonly add: (line: string) => void } {
    const lines: string[] = [];
    let size = 0;
    const add = (line: string) => {
      size += line.length + lineOverhead;
      if (size > mostText) {
        this.child.kill('SIGKILL');
        throw failure(`${hostShown(this.#options.target.host)} does not stop talking`);
      }
      lines.push(line);
    };
    return { lines, add };
  }

  async #within(work: Promise<true>, limit: number): Promise<boolean> {
    const { signal } = this.#tether;
    signal.throwIfAborted();
    const late = Promise.withResolvers<false>();
    const timer = setTimeout(() => late.resolve(false), limit);
    // ssh is being ended; what it started, such as a ProxyCommand, may keep its output open for long.
    const onAbort = () => late.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    // When the limit wins, the loser's later rejection is the end of a session that nobody wants any more.
    work.catch(() => undefined);
    return await Promise.race([work, late.promise]).finally(() => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    });
  }

  async #ended(cause?: unknown): Promise<ZferryError> {
    const ending = await this.child.ended;
    this.#tether.signal.throwIfAborted();
    return sessionFailure(this.#options.target.host, ending, cause);
  }
}

/** Goes that way; answers undefined where the agent does not begin to speak in time (`limit` milliseconds). */
const attempt = async (
  options: SessionOptions,
  way: Way,
  limit: number,
  tether: Tether,
): Promise<Conversation | undefined> => {
  const [pipe] = await makePipes(1, tether);
  if (pipe === undefined) throw failure('no pipe for the session');
  const conversation = new Conversation(options, way, pipe, tether);
  options.whileConnecting?.();
  if (await conversation.greeted(limit)) return conversation;
  conversation.child.kill('SIGKILL');
  return undefined;
};

const noAnswer = (host: Host, limit: number): ZferryError =>
  failure(`no answer from ${hostShown(host)} within ${limit / 1_000} s`);

interface Connected {
  readonly conversation: Conversation;
  readonly route: Route | undefined;
}

/** Starts the agent on this host. */
const beginHere = async (options: SessionOptions, tether: Tether): Promise<Connected> => {
  const limit = Math.min(firstLineLimit, tether.stall);
  const conversation = await attempt(options, wayHere(options, tether), limit, tether);
  if (conversation !== undefined) return { conversation, route: undefined };
  throw noAnswer(options.target.host, limit);
};

/** Connects; where a connection that was there already does not answer in time, once more round it. */
const connect = async (
  options: SessionOptions,
  host: RemoteHost,
  tether: Tether,
): Promise<Connected> => {
  if (!isInstalled('ssh')) {
    throw failure('there is no ssh command on this host', 'apt install openssh-client');
  }
  const limitOf = (route: Route) => Math.min(route.limit, tether.stall);
  const by = (route: Route) =>
    loggingIn(host, () => {
      // Whoever waited for this may have been called off meanwhile.
      tether.signal.throwIfAborted();
      return attempt(options, wayBySsh(options, host, route, tether), limitOf(route), tether);
    });
  const route = await routeTo(host, options.sshOptions, options.persist, options.own);
  const first = await by(route);
  if (first !== undefined) return { conversation: first, route };
  const detour = await route.detour?.(tether);
  const second = detour && (await by(detour));
  if (second !== undefined) return { conversation: second, route: detour };
  throw noAnswer(host, limitOf(detour ?? route));
};

/** Opens the session. Throws a failure with ssh's own words when the agent does not come to speak. */
export const openAgentSession = async (
  options: SessionOptions,
  tether: Tether,
): Promise<AgentSession> => {
  const { host, dataset } = options.target;
  const { conversation, route } =
    host.kind === 'here' ? await beginHere(options, tether) : await connect(options, host, tether);
  const kill = () => {
    conversation.child.kill('SIGKILL');
  };
  const facts = async () => parseFacts(dataset, await conversation.until('end facts'));
  const list = async () => {
    await conversation.say('list');
    return await facts();
  };
  const { known } = options;
  const glance = async () =>
    known === undefined
      ? await facts()
      : parseShortFacts(dataset, known, await conversation.until('end facts'));
  const act = async (action: Action, ...words: readonly string[]) => {
    await conversation.say(action, ...words);
    const lines = await conversation.until('end facts');
    const said = parseAction(action, lines);
    if (said !== undefined) throw failure(`${hostShown(host)}: ${said}`);
    return parseFacts(dataset, lines.slice(lines.indexOf('section facts')));
  };
  const receiving = async <Report>(
    words: readonly string[],
    parse: (lines: readonly string[]) => Report,
    onLeg: (report: Report) => void = () => undefined,
  ): Promise<Receiving<Report>> => {
    await conversation.say(...words);
    const arrived = Promise.withResolvers<Report>();
    let isPruning = false;
    const report = conversation
      .rest((line, lines) => {
        // A convoy has such a section for each of its streams.
        if (line === 'section prune' && !isPruning) {
          isPruning = true;
          arrived.resolve(parse(lines));
        }
        if (line === 'end leg') onLeg(parse(lines));
      })
      .then(parse);
    report.then(arrived.resolve, arrived.reject);
    // Both are awaited when the pipeline has ended; a rejection before that is not unhandled.
    for (const each of [report, arrived.promise]) each.catch(() => undefined);
    return {
      input: conversation.takeInput(),
      report,
      arrived: arrived.promise,
      ssh: conversation.child.ended,
      pulse: () => conversation.last,
    };
  };
  return {
    route,
    isNoisy: conversation.isNoisy,
    facts: async () => {
      const first = await glance();
      return areShort(first) ? await list() : first;
    },
    glance,
    list,
    replacePredecessors: async () => {
      await conversation.say('replace');
      return await facts();
    },
    abortPartial: () => act('abort'),
    rollBack: ({ guid, label }) => act('rollback', guid, label),
    setAside: (guid) => act('aside', guid),
    promote: (guid) => act('promote', guid),
    discard: (guid) => act('discard', guid),
    inspect: async () => {
      await conversation.say('inspect');
      return parseInspection(await conversation.until('end inspection'));
    },
    seek: async (guid) => {
      await conversation.say('seek', guid);
      return parseSought(guid, await conversation.until('end seek'));
    },
    receive: (instruction) =>
      receiving(receiveWords(instruction), (lines) => parseReceiveReport(dataset, lines)),
    convoy: (compression, onLeg) =>
      receiving(['convoy', compression], (lines) => parseConvoyReport(dataset, lines), onLeg),
    makeParents: () => act('parents'),
    close: async () => {
      conversation.endInput();
      const late = setTimeout(kill, graceAtClose);
      await conversation.child.ended;
      clearTimeout(late);
    },
    kill,
  };
};
