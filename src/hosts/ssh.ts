import type { RemoteHost } from './place.ts';
import type { SshSettings } from './ssh-settings.ts';

/** A connection that ssh keeps (its ControlMaster), so that the runs to come need no authentication. */
export interface KeptConnection {
  /** Where it listens; undefined where the user's configuration says where. */
  readonly socket: string | undefined;
  /** How long (whole seconds) ssh keeps it once the last session in it has ended. */
  readonly seconds: number;
}

/** What the user's configuration must not change: a session that runs one command, asks nothing, forwards nothing. */
const fixed = [
  'BatchMode=yes',
  'RemoteCommand=none',
  'ClearAllForwardings=yes',
  'PermitLocalCommand=no',
] as const;

/**
 * A session never becomes the ControlMaster of others by the configuration's word: a master outlives its run.
 * Where a connection is to be kept, ssh makes a process of its own of it, which holds nothing of the session.
 */
const sharing = (kept: KeptConnection | undefined): readonly string[] =>
  kept === undefined
    ? ['ControlMaster=no']
    : [
        'ControlMaster=auto',
        `ControlPersist=${kept.seconds}`,
        ...(kept.socket === undefined ? [] : [`ControlPath=${kept.socket}`]),
      ];

/** How a dead network ends a session in bounded time, unless the user's configuration says it for this host. */
const defaults = {
  ConnectTimeout: 10,
  ServerAliveInterval: 15,
  ServerAliveCountMax: 4,
} as const;

/**
 * Settings that would take the session's input away, send it to the background or silence it, and what has
 * to stand in their place. Only where the configuration sets them: an older ssh does not know them all.
 */
const corrected = {
  StdinNull: 'no',
  ForkAfterAuthentication: 'no',
  SessionType: 'default',
  LogLevel: 'INFO',
} as const;

/** `[user@]host` as ssh takes it; a port goes into an option of its own. */
const destination = (host: RemoteHost): string =>
  host.user === undefined ? host.name : `${host.user}@${host.name}`;

/**
 * The ssh client's argument vector for one session. ssh takes the first value it meets for each setting:
 * what is fixed, then `--ssh-option` of the command line, then the corrections and the defaults.
 */
export const sshCommand = (
  host: RemoteHost,
  remoteCommand: string,
  settings: SshSettings,
  options: readonly string[],
  kept?: KeptConnection,
): readonly [string, ...string[]] => {
  const unset = Object.entries(defaults).filter(([name]) => !settings.has(name.toLowerCase()));
  const set = Object.entries(corrected).filter(([name]) => settings.has(name.toLowerCase()));
  const ours = [...set, ...unset].map(([name, value]) => `${name}=${value}`);
  const all = [...fixed, ...sharing(kept), ...options, ...ours];
  return [
    'ssh',
    '-T',
    ...all.flatMap((option) => ['-o', option]),
    ...(host.port === undefined ? [] : ['-p', String(host.port)]),
    '--',
    destination(host),
    remoteCommand,
  ];
};
