import { type Pair, primedPair } from './pair.ts';

/**
 * A primed pair that tests hand on to each other, because to prime one takes longer than most of what they do with it. A test
 * that fails does not come to hand it on, and the next one gets a new one.
 */
export class Relay {
  #pair: Pair | undefined;

  /** The pair that a test has handed on, or a new one. */
  async take(): Promise<Pair> {
    const pair = this.#pair ?? (await primedPair());
    this.#pair = undefined;
    return pair;
  }

  /** The pair is as after a prime or a cycle, but for files that may be new: whoever comes next can have it. */
  handOn(pair: Pair): void {
    this.#pair = pair;
  }

  /** Removes a pair unless it is handed on. */
  async drop(pair: Pair): Promise<void> {
    if (pair !== this.#pair) await pair.remove();
  }

  /** Nobody comes next. */
  async end(): Promise<void> {
    await this.#pair?.remove();
  }
}
