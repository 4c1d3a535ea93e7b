import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { run } from './command.ts';
import type { Tether } from './tether.ts';

/** How a connection is kept. */
export interface Keeping {
  /** How long (milliseconds) after its last session; undefined: not at all. */
  readonly persist: number | undefined;
  /** What makes it a connection of this run's own, which no other finds. */
  readonly own: string | undefined;
}

/** A connection that nobody ends (zferry was killed -9) is kept for so long (milliseconds) after its last use. */
export const keptAfterDeath = 30_000;

/** For several sessions by one login: what is not kept anyway is kept as this run's own. */
export const forSeveral = (keeping: Keeping): Keeping =>
  keeping.persist === undefined ? { persist: keptAfterDeath, own: randomUUID() } : keeping;

/** Ends a connection at once; where its master does not listen, it is left to itself. Never throws. */
export const endOwn = async (socket: string, tether: Tether): Promise<void> => {
  const words = ['ssh', '-F', '/dev/null', '-o', `ControlPath=${socket}`, '-O', 'exit', 'own'];
  const { signal } = new AbortController();
  const limited = { ...tether, locks: [], signal, stall: 2_000 };
  await run(words as [string, ...string[]], limited).catch(() => undefined);
  rmSync(socket, { force: true });
};
