import type { TargetFacts } from '../hosts/agent-report.ts';
import type { AgentSession } from '../hosts/agent-session.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Observer } from './observer.ts';
import type { Request } from './request.ts';
import type { Story } from './story.ts';
import type { TargetId } from './target-id.ts';

/** What the steps of a cycle work with once the pair is locked and the target has answered. */
export interface Situation {
  readonly request: Request;
  readonly session: AgentSession;
  /** zfs on the source's host. */
  readonly zfs: Zfs;
  readonly id: TargetId;
  /** What the target answered. */
  readonly facts: TargetFacts;
  readonly story: Story;
  readonly observer: Observer;
  readonly tether: Tether;
}
