import { failure, usageError, type ZferryError } from '../errors.ts';
import type { Ending } from './child.ts';
import { type Host, hostShown, type RemoteHost } from './place.ts';
import { pasteable } from './words.ts';

/** Whoever ended the connection before the login was over, by address: of one that is logged in ssh says "to HOST closed". */
const endedBy = /^Connection (closed|reset) by \S+ port [0-9]+/;

/** Lines of ssh that say why it ended, the most telling first (OpenSSH 8.4 to 10). */
const telling: readonly RegExp[] = [
  /^Host key verification failed/,
  /: Permission denied \(/,
  /^ssh: /,
  /^(Bad configuration option|command-line:)/,
  // Of the host that ssh jumps over, before ssh itself says no more than that it got no further
  /^channel [0-9]+: open failed: /,
  // It has the address, which the line before it lacks
  endedBy,
  /^(kex_exchange_identification|ssh_exchange_identification|banner exchange|Connection)\b/i,
  /^(client_loop|Timeout, server|Read from remote host|packet_write|Received disconnect)/i,
];

/** ssh had a proxy between itself and the host: it does not know whose address and port it was that ended. */
const onTheWay = /^channel [0-9]+: open failed: |\bUNKNOWN port\b/;

/** As sshd's end of a login that it does not take. */
const turnedAway: readonly RegExp[] = [
  endedBy,
  /^(kex|ssh)_exchange_identification: .*(closed by remote host|reset by peer)/i,
  /^banner exchange: .*Broken pipe/i,
];

const ssh = (host: RemoteHost): string => {
  const port = host.port === undefined ? [] : ['-p', String(host.port)];
  return pasteable(['ssh', ...port, '--', hostShown(host), 'true']);
};

const hintFor = (line: string, host: RemoteHost): string | undefined => {
  if (/^Host key verification failed/.test(line)) {
    return `as the user that cron runs zferry for, compare and accept its key once: ${ssh(host)}`;
  }
  if (line.includes(': Permission denied (')) {
    const port = host.port === undefined ? [] : ['-p', String(host.port)];
    return `let this user's key in: ${pasteable(['ssh-copy-id', ...port, '--', hostShown(host)])}`;
  }
  if (line.includes('Could not resolve hostname')) {
    return `the name must be known here or in the ssh configuration; try: ${ssh(host)}`;
  }
  if (onTheWay.test(line)) {
    return `ssh goes there by way of another host or program (ProxyJump or ProxyCommand in its configuration), which did not get through; try: ${ssh(host)}`;
  }
  if (turnedAway.some((pattern) => pattern.test(line))) {
    return 'sshd there ended the connection before the login was over, as it does when there are too many at once (MaxStartups in its sshd_config); its log says why. The next cycle tries again';
  }
  return undefined;
};

/** What a login prints to standard error before it runs anything is not the reason; the last line is likelier. */
const reasonIn = (said: readonly string[]): string | undefined =>
  telling.map((pattern) => said.find((line) => pattern.test(line))).find(Boolean) ?? said.at(-1);

/** ssh says so in a banner over many lines, and ends with the same line as for a key that it never saw. */
const keyChanged = (host: RemoteHost, cause: unknown): ZferryError => {
  const known = host.port === undefined ? host.name : `[${host.name}]:${host.port}`;
  const forget = pasteable(['ssh-keygen', '-R', known]);
  return failure(
    `Host key verification failed: the key of ${hostShown(host)} is not the one in known_hosts`,
    `somebody may be in between; only if you know why it changed: ${forget}, then compare and accept the new one: ${ssh(host)}`,
    cause,
  );
};

/** The failure that an ssh session's end means, in ssh's own words where it said any. */
export const sshFailure = (host: RemoteHost, ending: Ending, cause?: unknown): ZferryError => {
  if (ending.said.some((line) => line.includes('REMOTE HOST IDENTIFICATION HAS CHANGED'))) {
    return keyChanged(host, cause);
  }
  const reason = reasonIn(ending.said);
  if (reason?.startsWith('command-line: ') === true) {
    return usageError(reason, '--ssh-option takes what ssh -o takes, see ssh_config(5)');
  }
  if (reason !== undefined) return failure(reason, hintFor(reason, host), cause);
  // Of a connection that it shares it is the master that would have said why, and a kept one says nothing.
  if (ending.exitCode === 255) {
    return failure(`the connection to ${hostShown(host)} broke off`, undefined, cause);
  }
  const how =
    ending.signal === undefined
      ? `exit status ${ending.exitCode ?? 'unknown'}`
      : `signal ${ending.signal}`;
  return failure(`the ssh session with ${hostShown(host)} ended early (${how})`, undefined, cause);
};

/** The failure that the end of a session means, wherever it went. */
export const sessionFailure = (host: Host, ending: Ending, cause?: unknown): ZferryError => {
  if (host.kind === 'remote') return sshFailure(host, ending, cause);
  const how = ending.signal ?? `exit status ${ending.exitCode ?? 'unknown'}`;
  const said = ending.said.join(' ');
  return failure(
    `the shell that receives on this host ended early (${how})${said === '' ? '' : `: ${said}`}`,
    undefined,
    cause,
  );
};
