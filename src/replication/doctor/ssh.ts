import type { ZferryError } from '../../errors.ts';
import { hostShown, type RemoteHost } from '../../hosts/place.ts';
import { bad, badAs, type Finding, ok, warn } from './finding.ts';

/** What ssh says of a host: `ssh -G`, and `ssh -v` of the session that asked it. */
export interface SshFacts {
  readonly host: RemoteHost;
  /** `ssh -G`: the first value of each setting, names in lower case. */
  readonly settings: ReadonlyMap<string, string>;
  /** `ssh -v`, line by line. */
  readonly trace: readonly string[];
  /** Why nobody answered. */
  readonly problem: ZferryError | undefined;
  /** The command that ends a shared connection that did not answer; undefined where it did, or there is none. */
  readonly hungMaster: string | undefined;
}

/** Reads what `ssh -G` prints. */
export const parseSshSettings = (output: string): ReadonlyMap<string, string> => {
  const settings = new Map<string, string>();
  for (const line of output.split('\n')) {
    const [, name, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined && !settings.has(name)) settings.set(name, value);
  }
  return settings;
};

const first = (trace: readonly string[], pattern: RegExp): string | undefined =>
  trace.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined);

/** True where the session went through a connection that was there already. */
const isShared = ({ trace }: SshFacts): boolean =>
  trace.some((line) => line.includes('mux_client_request_session: master session id'));

const login = (facts: SshFacts): Finding => {
  const { host, settings, trace } = facts;
  const user = settings.get('user');
  const address = `${settings.get('hostname')} port ${settings.get('port')}`;
  const who = `${hostShown(host)} is ${user}@${address}`;
  if (isShared(facts)) return ok('ssh', who);
  const key = first(trace, /Server accepts key: (\S+)/);
  const method = first(trace, /^Authenticated to .* using "([^"]+)"/);
  return ok('ssh', `${who}, ${key === undefined ? `login by ${method}` : `key ${key}`}`);
};

const hostKey = ({ settings, trace }: SshFacts): Finding => {
  const kind = first(trace, /Server host key: (\S+)/) ?? 'unknown';
  const where = first(trace, /Found key in (.+)$/);
  const checking = settings.get('stricthostkeychecking');
  if (checking === 'no' || checking === 'false' || checking === 'off') {
    return warn(
      'host key',
      `${kind}, but ssh would take any other too`,
      'take StrictHostKeyChecking no out of the ssh configuration',
    );
  }
  return ok('host key', `${kind}, known${where === undefined ? '' : ` (${where})`}`);
};

const master = (facts: SshFacts): Finding => {
  const { settings, hungMaster } = facts;
  const path = settings.get('controlpath') ?? 'none';
  if (hungMaster !== undefined) {
    return warn(
      'ControlMaster',
      `the connection at ${path} does not answer: each cycle loses 45 s before it goes round it`,
      hungMaster,
    );
  }
  if (isShared(facts)) return ok('ControlMaster', `shared, through ${path}`);
  return ok('ControlMaster', path === 'none' ? 'none' : `none at ${path} now`);
};

/** One line for the way in, the host's key and a shared connection; one bad line where there is no way in. */
export const checkSsh = (facts: SshFacts): readonly Finding[] => {
  const { problem } = facts;
  if (problem === undefined) {
    return [login(facts), ...(isShared(facts) ? [] : [hostKey(facts)]), master(facts)];
  }
  if (problem.message.startsWith('Host key verification failed')) {
    return [badAs('host key', problem)];
  }
  const settings = facts.settings;
  const who = `${settings.get('user')}@${settings.get('hostname')} port ${settings.get('port')}`;
  return [bad('ssh', `${problem.message} (${who})`, problem.hint)];
};
