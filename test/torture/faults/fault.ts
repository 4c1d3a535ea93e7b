import type { Hands } from '../judge/ledger.ts';
import type { Target, Verb } from '../pairs.ts';
import type { Moment } from '../tap.ts';

/** Who has to mend what a fault did: zferry alone, a person by the hint, or it depends on the moment. */
export type Healing = 'itself' | 'person' | 'either';

/** What a fault has to deal with. */
export interface Scene {
  /** The pair that is struck. */
  readonly target: Target;
  readonly verb: Verb;
  readonly hands: Hands;
  /** From 0 up to 1, the same for the same seed. */
  readonly chance: number;
}

/** What is to be done after a fault. */
export interface Aftermath {
  /** Ends the fault, once the struck cycle has ended. From then on the pair must heal. */
  readonly heal?: () => Promise<void>;
  /** Takes away what somebody's hands left, once the pair is healthy. */
  readonly tidy?: () => Promise<void>;
}

/** Something that goes wrong. */
export interface Fault {
  readonly name: string;
  readonly healing: Healing;
  /** When it may strike; 'idle': before the cycle. */
  readonly moments: readonly (Moment | 'idle')[];
  readonly strike: (scene: Scene) => Promise<Aftermath>;
  /** The pair that it strikes; the main one unless given. */
  readonly target?: Target;
  /** True where no second fault can strike at the same time. */
  readonly alone?: boolean;
}

export const nothing: Aftermath = {};
