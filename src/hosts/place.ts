import { usageError } from '../errors.ts';
import { type DatasetName, parseDatasetName, shown } from '../zfs/names.ts';

/** How ssh is told where to connect: a name that its configuration may know, user and port where typed. */
export interface RemoteHost {
  readonly kind: 'remote';
  readonly user: string | undefined;
  readonly name: string;
  readonly port: number | undefined;
}

/** The machine that zferry runs on. */
export interface ThisHost {
  readonly kind: 'here';
}

export type Host = RemoteHost | ThisHost;

/** A dataset on a host, and the words in which a person named it. */
export interface Place {
  readonly host: Host;
  readonly dataset: DatasetName;
  readonly typed: string;
}

const here: ThisHost = { kind: 'here' };

// ssh(1) reads a leading dash as an option, and its own checks differ from version to version,
// so that only what every version takes literally gets through.
const userPattern = /^[A-Za-z0-9_.][A-Za-z0-9_.@+-]*$/;
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const addressPattern = /^[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?$/;

const parsePort = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port < 1 || port > 65535) {
    throw usageError(`'${shown(text)}' is not a port`);
  }
  return port;
};

const parseRemoteHost = (text: string, port?: string): RemoteHost => {
  const at = text.lastIndexOf('@');
  const user = at === -1 ? undefined : text.slice(0, at);
  const rest = text.slice(at + 1);
  const bracketed = /^\[(.*)\]$/.exec(rest)?.[1];
  const name = bracketed ?? rest;
  if (user !== undefined && !userPattern.test(user)) {
    throw usageError(
      `'${shown(user)}' is not a user name that zferry hands to ssh`,
      'write it behind User in the ssh configuration of this host',
    );
  }
  if (!(bracketed === undefined ? namePattern : addressPattern).test(name)) {
    throw usageError(
      `'${shown(name)}' is not a host name that zferry hands to ssh`,
      'give the host a plain name in the ssh configuration (Host and HostName)',
    );
  }
  return { kind: 'remote', user, name, port: parsePort(port) };
};

const parseUrl = (typed: string): Place => {
  const [, authority = '', port, dataset = ''] =
    /^ssh:\/\/((?:[^/@]*@)*(?:\[[^\]/]*\]|[^/:]*))(?::([^/]*))?\/(.*)$/s.exec(typed) ?? [];
  if (authority === '') {
    throw usageError(
      `'${shown(typed)}' is not a place`,
      'write ssh://[user@]host[:port]/pool/dataset',
    );
  }
  return { host: parseRemoteHost(authority, port), dataset: parseDatasetName(dataset), typed };
};

/** The colon that ends `[user@]host`, if the text has that form; a dataset's own colons come behind a slash. */
const hostColon = (text: string): number => {
  if (/^[^/:]*\[[^\]/]*\]$/.test(text)) return -1;
  const bracket = /^[^/]*\[[^\]]*\]:/.exec(text);
  if (bracket !== null) return bracket[0].length - 1;
  const colon = text.indexOf(':');
  const slash = text.indexOf('/');
  return colon === -1 || (slash !== -1 && slash < colon) ? -1 : colon;
};

const parseWithDataset = (typed: string): Place | undefined => {
  if (typed.startsWith('ssh://')) return parseUrl(typed);
  const colon = hostColon(typed);
  if (colon === -1) {
    if (!typed.includes('/')) return undefined;
    return { host: here, dataset: parseDatasetName(typed), typed };
  }
  const dataset = parseDatasetName(typed.slice(colon + 1));
  const host = colon === 0 ? here : parseRemoteHost(typed.slice(0, colon));
  return { host, dataset, typed };
};

/** Reads a source: `pool/dataset`, `:pool`, `[user@]host:pool/dataset` or `ssh://…`. Throws usage errors. */
export const parseSource = (typed: string): Place => {
  const place = parseWithDataset(typed);
  if (place !== undefined) return place;
  throw usageError(
    `'${shown(typed)}' names no dataset`,
    /^[A-Za-z][\w.-]*$/.test(typed)
      ? `for the root of the pool on this host write :${typed}`
      : 'write pool/dataset or [user@]host:pool/dataset',
  );
};

/** Reads a target: as a source, or `[user@]host` alone for the dataset of the same name there. */
export const parseTarget = (typed: string, source: Place): Place =>
  parseWithDataset(typed) ?? {
    host: parseRemoteHost(typed),
    dataset: source.dataset,
    typed,
  };

/** What a host calls itself, whatever its ssh configuration says of others. */
const ownNames = new Set(['localhost', '127.0.0.1', '::1']);

const isHere = (host: Host): boolean =>
  host.kind === 'here' || (ownNames.has(host.name.toLowerCase()) && host.port === undefined);

/** True for the same host, whoever logs in there, as far as words can tell. */
export const isSameHost = (a: Host, b: Host): boolean => {
  if (isHere(a) || isHere(b)) return isHere(a) && isHere(b);
  if (a.kind === 'here' || b.kind === 'here') return false;
  return a.name.toLowerCase() === b.name.toLowerCase() && a.port === b.port;
};

/** True for the same dataset on the same host, as far as words can tell. */
export const isSamePlace = (a: Place, b: Place): boolean =>
  a.dataset === b.dataset && isSameHost(a.host, b.host);

/** True where a dataset lies below another one. */
export const isInside = (dataset: DatasetName, other: DatasetName): boolean =>
  dataset.startsWith(`${other}/`);

/** `[user@]host` as people write it: the form that log lines and messages use. */
export const hostShown = (host: Host): string =>
  host.kind === 'here'
    ? 'this host'
    : `${host.user === undefined ? '' : `${host.user}@`}${host.name}`;

/** `on HOST`, whoever logs in there, as messages about the host itself have it. */
export const onHost = (host: Host): string =>
  `on ${host.kind === 'here' ? hostShown(host) : host.name}`;

/** Something of a host's zfs by its name, as messages and the log have it: this host's stands for itself. */
export const nameOn = (host: Host, name: string): string =>
  host.kind === 'here' ? name : `${hostShown(host)}:${name}`;

/** Who gets a replica, in the words of the log: a host, or on this one the dataset, since it may have several. */
export const recipientShown = ({ host, dataset }: Place): string =>
  host.kind === 'here' ? dataset : hostShown(host);
