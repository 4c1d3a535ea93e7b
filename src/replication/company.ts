import { usageError, type ZferryError } from '../errors.ts';
import type { Lock } from '../hosts/lock.ts';
import { SourceConnection } from '../hosts/source-connection.ts';
import type { SourceHost } from '../hosts/source-host.ts';
import type { Request } from './request.ts';
import { type Share, SharedSnapshot } from './shared-snapshot.ts';
import type { TargetId } from './target-id.ts';

/** One of the targets that are served side by side in one run of zferry. */
export interface Member {
  readonly share: Share;
  /** To the source, where that is on another host. */
  readonly connection: SourceConnection;
  /** The source's host, once any cycle of this run has come to it. */
  readonly source: () => SourceHost | undefined;
  /** This cycle has come to the source's host. */
  readonly reaches: (source: SourceHost) => void;
  /** The locks that this target's cycle took when it came to know its target; they last to its end. */
  readonly targetLocks: Map<TargetId, Lock>;
  /** The target has said which one it is. Answers why it is not to be served: another one of this run is the same. */
  readonly isSeen: (id: TargetId) => ZferryError | undefined;
  /** This cycle has that target's lock, and serves it. */
  readonly serves: (id: TargetId) => void;
  /** The same answer where that target's lock is held: by a cycle of this run that may not know its target yet. */
  readonly whoHolds: (id: TargetId) => Promise<ZferryError | undefined>;
  /** The cycle has ended. */
  readonly leaves: () => Promise<void>;
}

class Seat {
  readonly typed: string;
  readonly targetLocks = new Map<TargetId, Lock>();
  readonly served = new Set<TargetId>();
  readonly #identity = Promise.withResolvers<TargetId | undefined>();

  constructor(typed: string) {
    this.typed = typed;
  }

  /** Which target it is; undefined where its cycle has ended without coming to know. */
  get identity(): Promise<TargetId | undefined> {
    return this.#identity.promise;
  }

  isKnown(id: TargetId | undefined): void {
    this.#identity.resolve(id);
  }
}

const twins = (typed: string, other: string): ZferryError =>
  usageError(
    `${typed} is the same target as ${other}, which is served in this run`,
    'name each target once',
  );

/** What is asked for one target, and its place in the company. */
export interface Task {
  readonly request: Request;
  readonly member: Member;
}

/**
 * Gives the targets of one run and source their places. Two of them may turn out to be one, called by two names: the
 * second is refused.
 */
export const companyOf = (requests: readonly Request[]): readonly Task[] => {
  const snapshot = new SharedSnapshot(requests.length);
  const connection = new SourceConnection(requests.length);
  let reached: SourceHost | undefined;
  const seated = requests.map((request) => ({
    request,
    seat: new Seat(request.pair.target.typed),
  }));
  return seated.map(({ request, seat }, index) => {
    const others = seated.map((each) => each.seat).filter((other) => other !== seat);
    const member: Member = {
      share: snapshot.share(index),
      connection,
      source: () => reached,
      reaches: (source) => {
        reached ??= source;
      },
      targetLocks: seat.targetLocks,
      isSeen: (id) => {
        seat.isKnown(id);
        const twin = others.find(({ served }) => served.has(id));
        return twin && twins(seat.typed, twin.typed);
      },
      serves: (id) => {
        seat.served.add(id);
      },
      whoHolds: async (id) => {
        const holder = others.find(({ targetLocks }) => targetLocks.has(id));
        // A head start locks what the last run left word of; that may be another target by now.
        return holder !== undefined && (await holder.identity) === id
          ? twins(seat.typed, holder.typed)
          : undefined;
      },
      leaves: async () => {
        seat.isKnown(undefined);
        await connection.leave();
      },
    };
    return { request, member };
  });
};
