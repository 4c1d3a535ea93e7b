import { failure } from '../errors.ts';
import { type DatasetName, type Guid, poolOf } from '../zfs/names.ts';
import { beatInterval } from './agent-conversation.ts';
import { beatProgram } from './agent-program.ts';
import { type AgentSession, openAgentSession } from './agent-session.ts';
import { run } from './command.ts';
import { commandOn } from './command-on.ts';
import type { Compression, CompressorName } from './compressors.ts';
import { type ConvoyMember, convoyCommand, convoyInput } from './convoy-program.ts';
import { isInstalled } from './environment.ts';
import { answersIn, gatheredZfs, gathering } from './gathered-zfs.ts';
import { endOwn, type Keeping, keptAfterDeath } from './own-connection.ts';
import { type Host, hostShown, type Place, type RemoteHost } from './place.ts';
import type { Route } from './route.ts';
import { plainSender, remoteSender, type Sender } from './sender.ts';
import type { SourceConnection } from './source-connection.ts';
import {
  askProgram,
  convoyProgram,
  eachProgram,
  filterProgram,
  sendProgram,
  sourceGreeting,
} from './source-program.ts';
import { sshCommand } from './ssh.ts';
import { sshFailure } from './ssh-failure.ts';
import type { TargetFacts } from './target-facts.ts';
import type { Tether } from './tether.ts';
import { quoted } from './words.ts';
import { type Answer, localZfs, type Zfs, zfsCommand, zfsOf } from './zfs-command.ts';

/** How to get to a source, and as whom. */
export interface SourceOptions {
  readonly source: Place;
  /** Lower-case hexadecimal; the same for every run that holds the same lock. */
  readonly key: string;
  /** True for a run that holds its lock: it ends what an earlier one left alive there. */
  readonly replaces: boolean;
  readonly sudo: boolean;
  readonly sshOptions: readonly string[];
  /** How long (milliseconds) ssh is to keep the connection for later runs; undefined: it ends with this one. */
  readonly persist: number | undefined;
  /** What it goes through where that is another host. Whoever hands it over leaves it in the end. */
  readonly connection: SourceConnection;
}

/** The host of a source, and what is done there. */
export interface SourceHost {
  readonly host: Host;
  /** The guid of the source's pool; undefined on this host, where nobody had to ask. */
  readonly poolGuid: Guid | undefined;
  readonly has: (name: CompressorName) => boolean;
  /** Process groups that an earlier run for this pair left there, or one that is at work; none on this host. */
  readonly predecessors: readonly number[];
  readonly zfs: (tether: Tether) => Zfs;
  /** The same for many datasets: short commands of one moment go together. */
  readonly gatheredZfs: (tether: Tether) => Zfs;
  /** The command that sends, with these parameters for zfs; it compresses too where that is another host. */
  readonly sender: (
    parameters: readonly string[],
    compression: Compression,
    tether: Tether,
  ) => Sender;
  /** The same for several streams one behind the other, to datasets at and below `root` on the target. */
  readonly convoySender: (
    root: DatasetName,
    members: readonly ConvoyMember[],
    compression: Compression,
    tether: Tether,
  ) => Sender;
  /** What makes the name of this run's own connection, for a session with the same host. */
  readonly own: string | undefined;
}

const sourceHere = (host: Host, { sudo }: SourceOptions): SourceHost => ({
  host,
  poolGuid: undefined,
  has: isInstalled,
  predecessors: [],
  zfs: (tether) => localZfs(sudo, tether),
  gatheredZfs: (tether) => gatheredZfs(localZfs(sudo, tether), sudo, tether),
  sender: (parameters) => plainSender(zfsCommand(sudo, parameters)),
  convoySender: (root, members) =>
    plainSender(convoyCommand(root, members, (words) => zfsCommand(sudo, words))),
  own: undefined,
});

/** Text that stands behind the greeting; undefined where that is not there. */
const behindGreeting = (text: string): string | undefined => {
  const lines = text.split('\n');
  const begin = lines.findIndex((line) => line.endsWith(sourceGreeting));
  return begin === -1 ? undefined : lines.slice(begin + 1).join('\n');
};

/** What ssh itself ends with when there was no session, or it broke off. */
const sshTrouble = 255;

const remoteCommand = (program: string, ...parameters: readonly string[]): string =>
  `sh -c ${[program, 'zferry-source', ...parameters].map(quoted).join(' ')}`;

/** How to ask that host, in the words of one session. */
interface Way {
  readonly host: RemoteHost;
  readonly route: Route;
  readonly sudo: boolean;
  readonly connection: SourceConnection;
}

/** Runs one of the programs above there; `name` is for messages. Throws as `run`, and where the connection breaks off. */
const askThere = async (
  { host, route, sudo, connection }: Way,
  program: string,
  parameters: readonly string[],
  name: string,
  tether: Tether,
): Promise<Answer> => {
  const { settings, sshOptions, kept } = route;
  const command = remoteCommand(program, sudo ? 'sudo -n' : '', ...parameters);
  const argv = sshCommand(host, command, settings, sshOptions, kept);
  const { exitCode, stdout, stderr } = await connection.turn(() => run(argv, tether, name));
  const answer = behindGreeting(stdout);
  const complaint = behindGreeting(stderr);
  if (answer === undefined || exitCode === sshTrouble) {
    const said = (complaint ?? stderr).split('\n').filter(Boolean);
    throw sshFailure(host, { program: 'ssh', exitCode, signal: undefined, said });
  }
  return { exitCode, stdout: answer, stderr: complaint ?? '' };
};

const remoteZfs = (way: Way, tether: Tether): Zfs => {
  const { host, route, sudo } = way;
  const ask = (parameters: readonly string[]): Promise<Answer> => {
    const name = `zfs ${parameters.join(' ')} on ${hostShown(host)}`;
    return askThere(way, askProgram, parameters, name, tether);
  };
  return zfsOf(ask, host, (command) =>
    commandOn(host, { sudo, sshOptions: route.sshOptions }, command),
  );
};

/** How many characters of commands go into one session: one word of a command line has its limit (Linux: 128 KiB). */
const mostCharacters = 60_000;

/** The lines in groups, each short enough for one session. */
const grouped = (lines: readonly string[]): readonly (readonly string[])[] => {
  const groups: string[][] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length;
    const group = groups.at(-1);
    if (group !== undefined && length <= mostCharacters) {
      group.push(line);
    } else {
      groups.push([line]);
      length = line.length;
    }
  }
  return groups;
};

/** Many commands in few sessions. */
const remoteGatheredZfs = (way: Way, tether: Tether): Zfs => {
  const on = hostShown(way.host);
  const runGroup = async (lines: readonly string[]): Promise<readonly Answer[]> => {
    const name = `${lines.length} zfs commands on ${on}`;
    const { stdout, stderr, exitCode } = await askThere(way, eachProgram, lines, name, tether);
    const answers = answersIn(stdout);
    if (answers.length === lines.length) return answers;
    throw failure(`a shell for zfs commands on ${on} ended with ${exitCode}: ${stderr}`);
  };
  return gathering(remoteZfs(way, tether), async (commands) => {
    const answers: Answer[] = [];
    const lines = commands.map((parameters) => parameters.join('\t'));
    for (const group of grouped(lines)) answers.push(...(await runGroup(group)));
    return answers;
  });
};

/** Looks at the host, and ends what an earlier run left alive there. Throws what keeps it from taking part. */
const greet = async (
  session: AgentSession,
  { source, replaces, sudo, sshOptions }: SourceOptions,
): Promise<TargetFacts & { readonly poolGuid: Guid }> => {
  const first = await session.facts();
  const facts =
    replaces && first.predecessors.length > 0 ? await session.replacePredecessors() : first;
  const on = hostShown(source.host);
  if (replaces && facts.predecessors.length > 0) {
    throw failure(
      `processes of an earlier run do not end on ${on} (process group ${facts.predecessors.join(', ')})`,
      'is a pool suspended there? see zpool status -x',
    );
  }
  if (!facts.hasZfs) {
    throw failure(
      `there is no zfs command on ${on}`,
      'install OpenZFS there, or see that its folder is on the PATH of this ssh user',
    );
  }
  if (facts.complaint !== undefined) throw failure(`zfs on ${on}: ${facts.complaint}`);
  const { poolGuid } = facts;
  if (poolGuid !== undefined) return { ...facts, poolGuid };
  const pool = poolOf(source.dataset);
  throw failure(
    `the pool ${pool} is not imported on ${on}`,
    commandOn(source.host, { sudo, sshOptions }, ['zpool', 'import', pool]),
  );
};

const sourceBySsh = async (
  host: RemoteHost,
  options: SourceOptions,
  tether: Tether,
): Promise<SourceHost> => {
  const { source, key, sudo, sshOptions, persist, connection } = options;
  const own = persist === undefined ? connection.own : undefined;
  // What is asked there beside its pool costs least of the pool's root.
  const target = { ...source, dataset: poolOf(source.dataset) };
  const access = { sudo, sshOptions, persist: persist ?? keptAfterDeath, own };
  const session = await connection.enter(() =>
    openAgentSession({ target, key, ...access }, tether),
  );
  const { route, isNoisy } = session;
  if (route === undefined) throw failure(`no way to ${hostShown(host)}`);
  const socket = own === undefined ? undefined : route.kept?.socket;
  if (socket !== undefined) connection.endsBy(() => endOwn(socket, tether));
  const mark = isNoisy ? `zferry-stream ${key}` : '';
  const filter = isNoisy
    ? (['sh', '-c', filterProgram, 'zferry-filter', mark] as const)
    : undefined;
  const senderOf = (
    program: string,
    parameters: readonly string[],
    compression: Compression,
    { stall }: Tether,
    input?: string,
  ): Sender => {
    const words = [sudo ? 'sudo -n' : '', compression, beatProgram(beatInterval(stall)), mark];
    const command = remoteCommand(program, ...words, ...parameters);
    const { settings, kept } = route;
    const argv = sshCommand(host, command, settings, route.sshOptions, kept);
    return remoteSender(argv, host, compression, filter, input);
  };
  const way: Way = { host, route, sudo, connection };
  try {
    const { poolGuid, decompressors, predecessors } = await greet(session, options);
    return {
      host,
      poolGuid,
      has: (name) => decompressors.has(name),
      predecessors,
      zfs: (reins) => remoteZfs(way, reins),
      gatheredZfs: (reins) => remoteGatheredZfs(way, reins),
      sender: (parameters, compression, reins) =>
        senderOf(sendProgram(key), parameters, compression, reins),
      convoySender: (root, members, compression, reins) =>
        senderOf(convoyProgram(key), [], compression, reins, convoyInput(root, members)),
      own,
    };
  } finally {
    await session.close();
  }
};

/**
 * Makes ready to work with a source: nothing is to be done where that is on this host; another one is connected to,
 * once for all that comes, and looked at. Throws what keeps that host from taking part.
 */
export const openSource = async (options: SourceOptions, tether: Tether): Promise<SourceHost> => {
  const { host } = options.source;
  return host.kind === 'here'
    ? sourceHere(host, options)
    : await sourceBySsh(host, options, tether);
};

/** How the connection to a target is kept: as this run's own, where that goes to the source's host in the same words. */
export const connectionTo = (
  target: Host,
  { host, own }: Pick<SourceHost, 'host' | 'own'>,
  persist: number | undefined,
): Keeping => {
  const isSame =
    target.kind === 'remote' &&
    host.kind === 'remote' &&
    (['user', 'name', 'port'] as const).every((part) => target[part] === host[part]);
  return own !== undefined && isSame
    ? { persist: keptAfterDeath, own }
    : { persist, own: undefined };
};
