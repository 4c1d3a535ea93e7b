import { execPath } from 'node:process';
import { asZferryError, failure } from '../../errors.ts';
import type { TargetFacts } from '../../hosts/agent-report.ts';
import { openAgentSession } from '../../hosts/agent-session.ts';
import { run } from '../../hosts/command.ts';
import { readCrontabs, runsCron } from '../../hosts/cron.ts';
import { isInstalled } from '../../hosts/environment.ts';
import { isAlive } from '../../hosts/is-alive.ts';
import { holderOf } from '../../hosts/lock.ts';
import { hostShown, type RemoteHost } from '../../hosts/place.ts';
import { type Answer, askHost } from '../../hosts/questions.ts';
import { sshCommand } from '../../hosts/ssh.ts';
import { readSshSettings } from '../../hosts/ssh-settings.ts';
import type { Tether } from '../../hosts/tether.ts';
import { pasteable } from '../../hosts/words.ts';
import { localZfs } from '../../hosts/zfs-command.ts';
import { logProblem, tailOf } from '../../journal/tail.ts';
import { type DatasetName, type Guid, parentOf, poolOf } from '../../zfs/names.ts';
import { parseAllowed, primerGrants, receiverGrants, senderGrants } from '../../zfs/rights.ts';
import { goesRaw } from '../encryption.ts';
import { onTarget } from '../hints.ts';
import { agentKey, targetLockName, typedLockName } from '../locking.ts';
import { commonBase, hostProblem } from '../plan.ts';
import { estimateOf } from '../rehearsal.ts';
import type { Request } from '../request.ts';
import { lookAtSource, lookIntoToken } from '../survey.ts';
import { targetIdOf } from '../target-id.ts';
import { goesAsStored } from '../wire.ts';
import { checkBase, checkCompressor, checkLeftovers, checkToken, type Links } from './chain.ts';
import { badAs, type Finding } from './finding.ts';
import { consultation, type HostFacts, parseHostFacts, propertyOf } from './host-facts.ts';
import { checkRights } from './permissions.ts';
import { checkSsh, parseSshSettings, type SshFacts } from './ssh.ts';
import { checkClock, checkMountpoint, checkReadOnly, checkSpace, type Estimate } from './target.ts';
import { checkCrontab, checkLock, checkLog, checkPrograms, cronLines } from './this-host.ts';
import { checkFeatures, checkZfs, type Side } from './zfs.ts';

/** How long (milliseconds) one question to a host may take. */
const patience = 30_000;

const consult = (
  { sudo, sshOptions }: Request,
  host: Request['pair']['source']['host'],
  dataset: DatasetName,
  options: readonly string[],
  tether: Tether,
): Promise<Answer> => {
  const parent = parentOf(dataset) ?? dataset;
  const parameters = [dataset, parent, poolOf(dataset), sudo ? 'sudo -n' : ''];
  const way = { sshOptions: [...options, ...sshOptions], verbose: true };
  return askHost(host, consultation, parameters, way, tether);
};

const askSsh = async (host: RemoteHost, { sshOptions }: Request, tether: Tether) => {
  const [ssh, ...words] = sshCommand(host, '', readSshSettings(host), sshOptions);
  const { stdout } = await run([ssh, '-G', ...words.slice(0, -1)], tether);
  return parseSshSettings(stdout);
};

/** What the target's host said, and how ssh got there. */
interface Visit {
  /** undefined where the target is on this host. */
  readonly ssh: SshFacts | undefined;
  /** undefined where nobody answered. */
  readonly facts: HostFacts | undefined;
  /** When this host's clock (milliseconds) asked, and had the answer. */
  readonly asked: number;
  readonly answered: number;
}

/** The consultation where the target is on this host. */
const visitHere = async (request: Request, tether: Tether): Promise<Visit> => {
  const { host, dataset } = request.pair.target;
  const asked = Date.now();
  const { lines } = await consult(request, host, dataset, [], tether);
  const facts = parseHostFacts(lines, request.sudo);
  return { ssh: undefined, facts, asked, answered: Date.now() };
};

/** The consultation over ssh; past a shared connection that does not answer. */
const visitBySsh = async (host: RemoteHost, request: Request, tether: Tether): Promise<Visit> => {
  const { dataset } = request.pair.target;
  const settings = await askSsh(host, request, tether);
  const limit = Math.min(patience, tether.stall);
  const shared = (settings.get('controlpath') ?? 'none') !== 'none';
  const ask = (...options: readonly string[]) =>
    consult(request, host, dataset, options, { ...tether, stall: limit });
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

const linksOf = async (request: Request, facts: TargetFacts, tether: Tether): Promise<Links> => {
  const { source, target } = request.pair;
  const zfs = localZfs(request.sudo, tether);
  const id = targetIdOf(facts.poolGuid as Guid, target.dataset);
  const listing = await lookAtSource(zfs, source.dataset, id);
  const resumeToken = facts.dataset?.resumeToken;
  const token = resumeToken === undefined ? undefined : await lookIntoToken(zfs, resumeToken);
  return { id, source: listing, facts, token };
};

const estimateFor = async (
  request: Request,
  { source, facts }: Links,
  tether: Tether,
): Promise<Estimate> => {
  const zfs = localZfs(request.sudo, tether);
  const base = facts.dataset && commonBase(source, facts.dataset);
  const asStored = goesRaw(request, source) || goesAsStored(request, source, facts);
  const bytes = await estimateOf(zfs, request.pair.source.dataset, base, asStored);
  return { bytes, ratio: asStored ? 1 : source.ratio };
};

/** What the agent says, as a cycle hears it. */
const askAgent = async (request: Request, tether: Tether): Promise<TargetFacts> => {
  const { pair, sudo, sshOptions } = request;
  const session = await openAgentSession(
    { target: pair.target, key: agentKey(pair), sudo, sshOptions, persist: undefined },
    tether,
  );
  try {
    return await session.facts();
  } finally {
    await session.close();
  }
};

/** The lines that only a pair whose hosts both answer has. */
const checkPair = async (
  request: Request,
  there: Side,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const { dataset } = request.pair.target;
  const facts = await askAgent(request, tether);
  const problem = hostProblem(request, facts);
  if (problem !== undefined) {
    return there.facts.hasZfs && there.facts.pool !== undefined ? [badAs('base', problem)] : [];
  }
  const links = await linksOf(request, facts, tether);
  const estimate = await estimateFor(request, links, tether);
  return [
    checkCompressor(request, facts),
    checkReadOnly(there, dataset),
    checkMountpoint(there, dataset),
    checkSpace(there, dataset, parentOf(dataset) ?? dataset, estimate),
    checkBase(request, links),
    checkToken(request, links),
    checkLock(
      holderOf(typedLockName(request.pair)) ??
        holderOf(targetLockName(request.pair.source.dataset, links.id)),
      isAlive,
    ),
    ...checkLeftovers(request, facts),
  ];
};

const receiversNeed = (request: Request, facts: HostFacts) => {
  const { dataset } = request.pair.target;
  const exists = propertyOf(facts, dataset, 'type') !== undefined;
  const at = exists ? dataset : (parentOf(dataset) ?? dataset);
  const grants = exists
    ? receiverGrants(dataset, { unfinished: false, recursive: false })
    : primerGrants(at);
  return { grants, allowed: parseAllowed(at, facts.allowed, facts) };
};

const checkHosts = (request: Request, here: Side, there: Side | undefined): readonly Finding[] => {
  const { source } = request.pair;
  const ours = parseAllowed(source.dataset, here.facts.allowed, here.facts);
  const senders = senderGrants(source.dataset, false);
  const first = [...checkZfs(here), checkRights(here, here.facts, senders, ours)];
  if (there === undefined) return first;
  const { grants, allowed } = receiversNeed(request, there.facts);
  const bothWork = here.facts.pool !== undefined && there.facts.pool !== undefined;
  return [
    ...first,
    ...checkZfs(there),
    ...(there.facts.hasZfs ? [checkRights(there, there.facts, grants, allowed)] : []),
    ...(bothWork ? [checkFeatures(here, there, source.dataset)] : []),
  ];
};

/** What only concerns this host: the crontab's entry and the log. */
const checkThisHost = async (
  { pair }: Request,
  log: string,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const crontabs = await readCrontabs(tether);
  const lines = crontabs.flatMap(({ file, text }) => cronLines(file, text));
  return [
    checkCrontab(pair, lines, { self: execPath, runsCron: runsCron() }),
    checkLog(pair, { file: log, problem: logProblem(log), tail: tailOf(log) }),
  ];
};

/**
 * Looks at everything that a cycle of this pair needs, on both hosts, and changes nothing. Answers one finding a
 * check, in the order in which a cycle would come to it. Throws what keeps this host from being asked at all.
 */
export const examine = async (
  request: Request,
  log: string,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const { source, target } = request.pair;
  const programs = checkPrograms(isInstalled);
  if (!isInstalled('ssh')) return [programs];
  const words = (command: readonly string[]) => [...(request.sudo ? ['sudo'] : []), ...command];
  const [visited, answer] = await Promise.all([
    target.host.kind === 'here'
      ? visitHere(request, tether)
      : visitBySsh(target.host, request, tether),
    consult(request, source.host, source.dataset, [], tether),
  ]);
  const { facts, ssh, asked, answered } = visited;
  const here: Side = {
    side: 'here',
    where: 'on this host',
    pool: poolOf(source.dataset),
    facts: parseHostFacts(answer.lines, request.sudo),
    command: (...command) => pasteable(words(command)),
  };
  const there: Side | undefined = facts && {
    side: 'there',
    where: `on ${hostShown(target.host)}`,
    pool: poolOf(target.dataset),
    facts,
    command: (...command) => onTarget(request, ...command),
  };
  const pairs =
    there === undefined || !here.facts.hasZfs
      ? []
      : await checkPair(request, there, tether).catch((error: unknown) => {
          tether.signal.throwIfAborted();
          return [badAs('source', asZferryError(error))];
        });
  return [
    programs,
    ...(ssh === undefined ? [] : checkSsh(ssh)),
    ...(there === undefined || ssh === undefined
      ? []
      : [checkClock(there.where, there.facts.now, asked, answered)]),
    ...checkHosts(request, here, there),
    ...pairs,
    ...(await checkThisHost(request, log, tether)),
  ];
};
