import { failure } from '../errors.ts';
import type { Guid, SnapshotLabel } from '../zfs/names.ts';
import { type Action, parseAction, parseSought } from './agent-answers.ts';
import { beginConversation, type SessionOptions } from './agent-conversation.ts';
import { type ReceiveInstruction, receiveWords } from './agent-instructions.ts';
import type { Ending } from './child.ts';
import type { Compression } from './compressors.ts';
import { type ConvoyReport, parseConvoyReport } from './convoy-report.ts';
import { type Inspected, parseInspection } from './inspection.ts';
import { hostShown } from './place.ts';
import { parseReceiveReport, type ReceiveReport } from './receive-report.ts';
import type { Route } from './route.ts';
import {
  areShort,
  parseFacts,
  parseShortFacts,
  type ShortFacts,
  type TargetFacts,
} from './target-facts.ts';
import type { Tether } from './tether.ts';

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

/** How long (milliseconds) a session that is no longer needed gets to end in order. */
const graceAtClose = 3_000;

/** Opens the session. Throws a failure with ssh's own words when the agent does not come to speak. */
export const openAgentSession = async (
  options: SessionOptions,
  tether: Tether,
): Promise<AgentSession> => {
  const { host, dataset } = options.target;
  const { conversation, route } = await beginConversation(options, tether);
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
