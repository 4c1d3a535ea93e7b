import { isListening, keptConnection, retire } from './kept-connection.ts';
import type { RemoteHost } from './place.ts';
import type { KeptConnection } from './ssh.ts';
import { namesControlPath, readSshSettings, type SshSettings } from './ssh-settings.ts';
import type { Tether } from './tether.ts';

/** How ssh gets to a host: over a connection of this run's own, or over one that is there already. */
export interface Route {
  /** What the user's configuration says for the host. */
  readonly settings: SshSettings;
  readonly sshOptions: readonly string[];
  readonly kept: KeptConnection | undefined;
  /** How long (milliseconds) the agent may take to its first line. */
  readonly limit: number;
  /** Opens the way round a connection that was there and did not answer; undefined where there can be none. */
  readonly detour: ((tether: Tether) => Promise<Route>) | undefined;
}

/**
 * ssh's own limits end a connection that cannot be made; this is for a ControlMaster of the user's whose wire is
 * dead, and for a login that hangs.
 */
export const firstLineLimit = 45_000;

/**
 * The same over a kept connection, where nothing is to be connected and nobody to be authenticated. Who is
 * just slow gets a new connection, and no verdict.
 */
const keptLimit = 10_000;

/**
 * Chooses how to get to a host whose connection is to be kept for so long (`persist` milliseconds; undefined: not
 * at all), as one of this run's own where `own` says so. Throws what {@link keptConnection} throws.
 */
export const routeTo = async (
  host: RemoteHost,
  sshOptions: readonly string[],
  persist: number | undefined,
  own?: string,
): Promise<Route> => {
  const settings = readSshSettings(host);
  const kept =
    persist === undefined ? undefined : keptConnection(host, settings, sshOptions, persist, own);
  const route = { settings, sshOptions, kept, limit: firstLineLimit, detour: undefined };
  const socket = kept?.socket;
  if (socket !== undefined && (await isListening(socket))) {
    const anew = async (tether: Tether) => {
      await retire(socket, tether);
      return route;
    };
    return { ...route, limit: keptLimit, detour: anew };
  }
  if (!namesControlPath(settings, sshOptions)) return route;
  const direct = { ...route, sshOptions: ['ControlPath=none', ...sshOptions], kept: undefined };
  return { ...route, detour: () => Promise.resolve(direct) };
};
