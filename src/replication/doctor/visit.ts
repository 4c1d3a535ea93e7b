import { asZferryError, failure } from '../../errors.ts';
import { run } from '../../hosts/command.ts';
import { hostShown, type Place, type RemoteHost } from '../../hosts/place.ts';
import { type Answer, askHost } from '../../hosts/questions.ts';
import { sshCommand } from '../../hosts/ssh.ts';
import { readSshSettings } from '../../hosts/ssh-settings.ts';
import type { Tether } from '../../hosts/tether.ts';
import { pasteable } from '../../hosts/words.ts';
import { parentOf, poolOf } from '../../zfs/names.ts';
import type { Request } from '../request.ts';
import { consultation, type HostFacts, parseHostFacts } from './host-facts.ts';
import { parseSshSettings, type SshFacts } from './ssh.ts';

/** What the host of a dataset said, and how ssh got there. */
export interface Visit {
  /** undefined where it is this host. */
  readonly ssh: SshFacts | undefined;
  /** undefined where nobody answered. */
  readonly facts: HostFacts | undefined;
  /** When this host's clock (milliseconds) asked, and had the answer. */
  readonly asked: number;
  readonly answered: number;
}

/** How long (milliseconds) one question to a host may take. */
const patience = 30_000;

const consult = (
  { sudo, sshOptions, tree }: Request,
  { host, dataset }: Place,
  options: readonly string[],
  tether: Tether,
): Promise<Answer> => {
  const parent = parentOf(dataset) ?? dataset;
  const below = tree === undefined ? '' : '-r';
  const parameters = [dataset, parent, poolOf(dataset), sudo ? 'sudo -n' : '', below];
  const way = { sshOptions: [...options, ...sshOptions], verbose: true };
  return askHost(host, consultation, parameters, way, tether);
};

const askSsh = async (host: RemoteHost, { sshOptions }: Request, tether: Tether) => {
  const [ssh, ...words] = sshCommand(host, '', readSshSettings(host), sshOptions);
  const { stdout } = await run([ssh, '-G', ...words.slice(0, -1)], tether);
  return parseSshSettings(stdout);
};

/** The consultation on this host. */
const visitHere = async (request: Request, place: Place, tether: Tether): Promise<Visit> => {
  const asked = Date.now();
  const { lines } = await consult(request, place, [], tether);
  const facts = parseHostFacts(lines, request.sudo);
  return { ssh: undefined, facts, asked, answered: Date.now() };
};

/** The consultation over ssh; past a shared connection that does not answer. */
const visitBySsh = async (
  request: Request,
  place: Place,
  host: RemoteHost,
  tether: Tether,
): Promise<Visit> => {
  const settings = await askSsh(host, request, tether);
  const limit = Math.min(patience, tether.stall);
  const shared = (settings.get('controlpath') ?? 'none') !== 'none';
  const ask = (...options: readonly string[]) =>
    consult(request, place, options, { ...tether, stall: limit });
  let hungMaster: string | undefined;
  let asked = Date.now();
  const failed = (error: unknown): Answer => {
    tether.signal.throwIfAborted();
    const { message } = asZferryError(error);
    const problem = /did not end within/.test(message)
      ? failure(`no answer from ${hostShown(host)} within ${limit / 1_000} s`)
      : asZferryError(error);
    return { lines: [], trace: [], problem };
  };
  let answer = await ask().catch(failed);
  if (answer.problem?.message.startsWith('no answer') === true && shared) {
    hungMaster = pasteable(['ssh', '-O', 'exit', '--', hostShown(host)]);
    asked = Date.now();
    answer = await ask('ControlPath=none').catch(failed);
  }
  const { lines, trace, problem } = answer;
  return {
    ssh: { host, settings, trace, problem, hungMaster },
    facts: problem === undefined ? parseHostFacts(lines, request.sudo) : undefined,
    asked,
    answered: Date.now(),
  };
};

/** Asks the host of a dataset about it, and with `--recursive` about all below it; changes nothing. */
export const visitHost = (request: Request, place: Place, tether: Tether): Promise<Visit> =>
  place.host.kind === 'here'
    ? visitHere(request, place, tether)
    : visitBySsh(request, place, place.host, tether);
