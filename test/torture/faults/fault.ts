import type { Entry, Shape, Verb } from '../entries.ts';
import type { Hands } from '../judge/ledger.ts';
import type { Moment } from '../tap.ts';
import type { Victim } from './victim.ts';

/** Who has to mend what a fault did: zferry alone, a person by the hint, or it depends on the moment. */
export type Healing = 'itself' | 'person' | 'either';

/** What a fault has to deal with. */
export interface Scene {
  /** What is struck. */
  readonly entry: Entry;
  /** Of a tree one of its datasets, of two targets one. */
  readonly victim: Victim;
  readonly verb: Verb;
  readonly hands: Hands;
  /** From 0 up to 1, the same for the same seed. */
  readonly chance: number;
  /** The round's number, for names. */
  readonly number: number;
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
  /** Where it depends on the moment, although it does not elsewhere. */
  readonly eitherIn?: readonly Shape[];
  /** When it may strike; 'idle': before the cycle. */
  readonly moments: readonly (Moment | 'idle')[];
  readonly strike: (scene: Scene) => Promise<Aftermath>;
  /** What it can strike; everything unless given. */
  readonly shapes?: readonly Shape[];
  /** True where it strikes only such datasets of a tree as have none below them: prime --replace is for those. */
  readonly leavesOnly?: boolean;
  /** The entry that it strikes; the shape's own unless given. */
  readonly entry?: Entry;
  /** True where no second fault can strike at the same time. */
  readonly alone?: boolean;
}

export const nothing: Aftermath = {};
