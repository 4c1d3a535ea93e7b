import type { AgentSession } from '../hosts/agent-session.ts';
import type { SourceHost } from '../hosts/source-host.ts';
import type { HostFacts, ShortFacts, TargetFacts } from '../hosts/target-facts.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Beginning, HeadStart } from './head-start.ts';
import type { Observer } from './observer.ts';
import type { Request } from './request.ts';
import type { Share } from './shared-snapshot.ts';
import type { Story } from './story.ts';
import type { TargetId } from './target-id.ts';

/** What the steps of a cycle work with once the pair is locked and the target has answered, whatever it was asked. */
export interface Arrival<Facts extends HostFacts = HostFacts> {
  readonly id: TargetId;
  readonly facts: Facts;
  readonly request: Request;
  readonly session: AgentSession;
  /** One more session by the same login, for streams of a tree beside this one's. Throws as `openAgentSession`. */
  readonly openLane: () => Promise<AgentSession>;
  readonly from: SourceHost;
  /** zfs on the source's host. */
  readonly zfs: Zfs;
  readonly story: Story;
  /** In the snapshot that this run's targets share. */
  readonly share: Share;
  readonly observer: Observer;
  readonly tether: Tether;
  /** The partial receive that zfs on the target has just refused to complete, in this very run, and its words. */
  readonly stuck?: { readonly token: string; readonly message: string };
}

/** An arrival at a target that was asked about one snapshot only. */
export type ShortArrival = Arrival<ShortFacts>;

/** An arrival at a target that has told all. */
export interface Situation extends Arrival<TargetFacts> {
  /** What was begun before the target answered; only an ordinary cycle has one. */
  readonly headStart?: HeadStart | undefined;
  /** A snapshot that was made for several datasets at once; without it one is made. */
  readonly beginning?: Beginning | undefined;
  /** True where the target's zfs has refused a stream of this run, because its head was changed. */
  readonly wasRefused?: boolean;
}

/** A situation in which the snapshot has been made. */
export type BegunSituation = Situation & { readonly beginning: Beginning };
