import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { geteuid } from 'node:process';
import { failure, usageError } from '../errors.ts';
import { run } from './command.ts';
import { digest } from './digest.ts';
import type { RemoteHost } from './place.ts';
import { runFolder } from './run-folder.ts';
import { type KeptConnection, sshCommand } from './ssh.ts';
import { namesControlPath, type SshSettings, sshConfiguration } from './ssh-settings.ts';
import type { Tether } from './tether.ts';
import { pasteable } from './words.ts';

/** sun_path of unix(7) has 108 bytes with the NUL at its end; ssh binds a name that is 17 longer first. */
const longestSocket = 108 - 1 - 17;

/** What ssh takes literally in a ControlPath: no spaces, quotes, `%` or `${}`. */
const literal = /^[A-Za-z0-9_./@+-]+$/;

/** What is there for other users than its own, as in a file's mode: writing, and all. */
const othersWrite = 0o022;
const othersAnything = 0o077;

/** Throws a failure unless that is a folder of this user's, with none of those rights for others. */
const demand = (folder: string, forbidden: number): void => {
  const found = lstatSync(folder);
  const isOurs = found.isDirectory() && found.uid === geteuid?.();
  if (isOurs && (found.mode & forbidden) === 0) return;
  const remedy = isOurs ? ['chmod', '700', folder] : ['ls', '-ld', folder];
  throw failure(
    `${folder} is no place for the connection of --persist: it must be a folder of this user's that nobody else can use`,
    `${isOurs ? '' : 'see what it is, and remove it: '}${pasteable(remedy)}`,
  );
};

/** Makes the folder for sockets. ssh hands a session to whoever listens at one: nobody else must be able to. */
const safeFolder = (): string => {
  const folder = join(runFolder(), 'ssh');
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  demand(runFolder(), othersWrite);
  demand(folder, othersAnything);
  return folder;
};

/**
 * The name says all that decides where a connection leads and as whom: who is asked for with which options, and
 * the configuration. A change of any of them makes a connection of its own, and the old one ends by itself. (ssh's
 * own `%C` knows nothing of keys and options.) The host is in it, because a home folder may be on several.
 */
const socketFor = (
  host: RemoteHost,
  settings: SshSettings,
  sshOptions: readonly string[],
  own: string | undefined,
): string => {
  const words = sshCommand(host, '', settings, sshOptions);
  const whose = own === undefined ? ['ssh'] : ['own', own];
  return join(safeFolder(), digest(...whose, hostname(), ...words, sshConfiguration()));
};

/**
 * Where and how long (`persist` milliseconds) the connection to a host is kept. A ControlPath of the user's
 * stays what it is: it says where connections to this host are shared, or with `none` that they are not. `own` makes
 * it one of this run's own, which no other finds. Throws
 * a failure where the folder for sockets is not safe, and a usage error where its path is none for ssh.
 */
export const keptConnection = (
  host: RemoteHost,
  settings: SshSettings,
  sshOptions: readonly string[],
  persist: number,
  own?: string,
): KeptConnection => {
  // ControlPersist=0 would keep it for ever.
  const seconds = Math.ceil(persist / 1_000);
  if (namesControlPath(settings, sshOptions)) return { socket: undefined, seconds };
  const socket = socketFor(host, settings, sshOptions, own);
  if (Buffer.byteLength(socket) <= longestSocket && literal.test(socket))
    return { socket, seconds };
  throw usageError(
    `ssh can keep no connection at ${socket}: --persist needs a path of at most ${longestSocket} letters, digits and _ . / @ + -`,
    'leave --persist out, or name another path: --ssh-option ControlPath=…',
  );
};

/** True where a master listens; whether it answers, and whether its wire lives, only a session can tell. */
export const isListening = async (socket: string): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const connection = connect(socket);
  connection.once('connect', () => resolve(true));
  // No socket, or one that its master left behind when it was killed, which ssh replaces.
  connection.once('error', () => resolve(false));
  return await promise.finally(() => connection.destroy());
};

/** How long (milliseconds) a master that works takes at most to say that it takes no more sessions. */
const stopLimit = 2_000;

/**
 * Takes a connection out of use: its socket goes, and the next session makes another. Sessions of other runs
 * that still go through it are left to end by themselves, because it may just have been slow; the
 * master ends with the last of them, or by its keepalive where the wire is dead.
 */
export const retire = async (socket: string, tether: Tether): Promise<void> => {
  // ssh wants the name of a host there, and does nothing with it.
  const stopped = run(
    ['ssh', '-F', '/dev/null', '-o', `ControlPath=${socket}`, '-O', 'stop', 'kept'],
    { ...tether, stall: stopLimit },
  );
  const hasStopped = await stopped.then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
  tether.signal.throwIfAborted();
  // It does not even answer here: it is left to itself, where nobody finds it any more.
  if (!hasStopped) rmSync(socket, { force: true });
};
