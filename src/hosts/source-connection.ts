import { randomUUID } from 'node:crypto';
import { Turns } from './turns.ts';

/** So many commands at once leave room for streams and agents: sshd lets ten sessions through one connection. */
const mostAtOnce = 4;

/**
 * The connection to a source on another host, which all that have to do with that source in one run of zferry share:
 * one login, however many targets there are. It ends when the last of them has left.
 */
export class SourceConnection {
  /** Makes its name, which no other run finds. */
  readonly own = randomUUID();
  #users: number;
  #first: Promise<unknown> | undefined;
  #end: (() => Promise<void>) | undefined;
  readonly #commands = new Turns(mostAtOnce);

  /** `users`: how many are going to leave it. */
  constructor(users = 1) {
    this.#users = users;
  }

  /**
   * Opens a session through it. The first session makes the connection, and the others wait for that; where it
   * cannot be made, all throw the same.
   */
  async enter<T>(open: () => Promise<T>): Promise<T> {
    if (this.#first === undefined) {
      const first = open();
      this.#first = first;
      return await first;
    }
    await this.#first;
    return await open();
  }

  /** Does that when its turn has come: only so many commands go through at a time. */
  async turn<T>(work: () => Promise<T>): Promise<T> {
    return await this.#commands.take(work);
  }

  /** Says how it is ended. */
  endsBy(end: () => Promise<void>): void {
    this.#end = end;
  }

  /** One of its users needs it no longer. Never throws: it would end by itself. */
  async leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#end?.();
  }
}
