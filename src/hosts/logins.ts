import type { RemoteHost } from './place.ts';
import { Turns } from './turns.ts';

/**
 * sshd takes ten connections that have not logged in yet, of all who call, and turns some of those beyond away, at random
 * (MaxStartups). Two are left for others.
 */
const mostAtOnce = 8;

/** By the host's name: whatever user and port they say, they may come to one sshd. */
const turns = new Map<string, Turns>();

/** Logs in to a host when its turn has come: of this process only so many do so at a time. Throws what that throws. */
export const loggingIn = async <T>({ name }: RemoteHost, login: () => Promise<T>): Promise<T> => {
  const own = turns.get(name) ?? new Turns(mostAtOnce);
  turns.set(name, own);
  return await own.take(login);
};
