import { closeSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { failure, type ZferryError } from '../errors.ts';
import { parentOf, poolOf, type SnapshotLabel } from '../zfs/names.ts';
import { commandLine } from './agent-instructions.ts';
import { agentProgram, beatProgram, type Scope } from './agent-program.ts';
import { channelProgram } from './channel-program.ts';
import { type Child, startChild } from './child.ts';
import { isInstalled } from './environment.ts';
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

/**
 * How much (bytes of this process's memory, about) a target may say at a time: some hundred thousand
 * snapshots. A hostile one must not fill the memory.
 */
const mostText = 64 * 2 ** 20;
/** What a line takes beside its characters. */
const lineOverhead = 48;

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

/** The agent's side of the conversation, without what the login printed before it. */
export class Conversation {
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
const beginBySsh = async (
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

/** Begins to speak with the agent. Throws a failure with ssh's own words when it does not come to speak. */
export const beginConversation = async (
  options: SessionOptions,
  tether: Tether,
): Promise<Connected> => {
  const { host } = options.target;
  return host.kind === 'here'
    ? await beginHere(options, tether)
    : await beginBySsh(options, host, tether);
};
