import { execPath } from 'node:process';
import { asZferryError } from '../../errors.ts';
import { openAgentSession } from '../../hosts/agent-session.ts';
import { commandOn } from '../../hosts/command-on.ts';
import { readCrontabs, runsCron } from '../../hosts/cron.ts';
import { isInstalled } from '../../hosts/environment.ts';
import { isAlive } from '../../hosts/is-alive.ts';
import { holderOf } from '../../hosts/lock.ts';
import { onHost, type Place } from '../../hosts/place.ts';
import { SourceConnection } from '../../hosts/source-connection.ts';
import { connectionTo, openSource, type SourceHost } from '../../hosts/source-host.ts';
import type { TargetFacts } from '../../hosts/target-facts.ts';
import type { Tether } from '../../hosts/tether.ts';
import { logProblem, tailOf } from '../../journal/tail.ts';
import { type Guid, parentOf, poolOf } from '../../zfs/names.ts';
import { parseAllowed, primerGrants, receiverGrants, senderGrants } from '../../zfs/rights.ts';
import { agentKey, partiesOf, sourceKey, targetLockName, typedLockName } from '../locking.ts';
import { overlapProblem } from '../overlap.ts';
import { hostProblem } from '../plan.ts';
import type { Request } from '../request.ts';
import { targetIdOf } from '../target-id.ts';
import { checkCompressor, checkLeftovers } from './chain.ts';
import { badAs, type Finding } from './finding.ts';
import { type HostFacts, propertyOf } from './host-facts.ts';
import { checkRights } from './permissions.ts';
import { checkReplicas } from './replica.ts';
import { checkSsh } from './ssh.ts';
import { checkClock } from './target.ts';
import {
  checkCrontab,
  checkLock,
  checkLog,
  checkPrograms,
  cronLines,
  needsSsh,
} from './this-host.ts';
import { type Visit, visitHost } from './visit.ts';
import { checkFeatures, checkZfs, type Side } from './zfs.ts';

/** What the agent says, as a cycle hears it. */
const askAgent = async (
  request: Request,
  from: SourceHost,
  tether: Tether,
): Promise<TargetFacts> => {
  const { pair, sudo, sshOptions, tree } = request;
  const { target } = pair;
  const key = agentKey(pair, from.poolGuid);
  const scope = tree === undefined ? ('dataset' as const) : ('tree' as const);
  const way = connectionTo(target.host, from, undefined);
  const session = await openAgentSession({ target, key, sudo, sshOptions, scope, ...way }, tether);
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
  from: SourceHost,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const { pair } = request;
  const facts = await askAgent(request, from, tether);
  const problem = hostProblem(request, facts);
  if (problem !== undefined) {
    return there.facts.hasZfs && there.facts.pool !== undefined ? [badAs('base', problem)] : [];
  }
  const overlap = await overlapProblem(request, facts, from, tether);
  if (overlap !== undefined) return [badAs('base', overlap)];
  const id = targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
  const lens = { request, id, facts, zfs: from.zfs(tether) };
  const { key } = partiesOf(pair, from.poolGuid);
  return [
    checkCompressor(request, facts, from),
    ...(await checkReplicas(lens, there)),
    checkLock(holderOf(typedLockName(pair)) ?? holderOf(targetLockName(key, id)), isAlive),
    ...checkLeftovers(pair.source, from.predecessors),
    ...checkLeftovers(pair.target, facts.predecessors),
  ];
};

/** The same, through a connection to the source that is there for them alone. */
const checkLinks = async (
  request: Request,
  there: Side,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const { pair, sudo, sshOptions } = request;
  const connection = new SourceConnection();
  const options = { source: pair.source, key: sourceKey(pair), replaces: false, connection };
  const access = { sudo, sshOptions, persist: undefined };
  try {
    const from = await openSource({ ...options, ...access }, tether);
    return await checkPair(request, there, from, tether);
  } catch (error) {
    tether.signal.throwIfAborted();
    return [badAs('source', asZferryError(error))];
  } finally {
    await connection.leave();
  }
};

const receiversNeed = ({ pair, tree }: Request, facts: HostFacts) => {
  const { dataset } = pair.target;
  const exists = propertyOf(facts, dataset, 'type') !== undefined;
  const at = exists ? dataset : (parentOf(dataset) ?? dataset);
  const grants = exists
    ? receiverGrants(dataset, { unfinished: false, recursive: tree !== undefined })
    : primerGrants(at);
  return { grants, allowed: parseAllowed(at, facts.allowed, facts) };
};

const checkSender = ({ pair, tree }: Request, side: Side): readonly Finding[] => {
  const { dataset } = pair.source;
  const allowed = parseAllowed(dataset, side.facts.allowed, side.facts);
  const grants = senderGrants(dataset, tree !== undefined);
  const rights = side.facts.hasZfs || side.side === 'here';
  return [...checkZfs(side), ...(rights ? [checkRights(side, side.facts, grants, allowed)] : [])];
};

const checkReceiver = (request: Request, side: Side): readonly Finding[] => {
  const { grants, allowed } = receiversNeed(request, side.facts);
  return [
    ...checkZfs(side),
    ...(side.facts.hasZfs ? [checkRights(side, side.facts, grants, allowed)] : []),
  ];
};

/** How a host was got to: nothing to say of this one. */
const checkWay = (
  { ssh, facts, asked, answered }: Visit,
  place: Place,
  suffix = '',
): readonly Finding[] => {
  if (ssh === undefined) return [];
  const clock =
    facts === undefined ? [] : [checkClock(onHost(place.host), facts.now, asked, answered)];
  return [...checkSsh(ssh), ...clock].map((each) => ({ ...each, check: `${each.check}${suffix}` }));
};

/** What only concerns this host: the crontab's entry and the log. */
const checkThisHost = async (
  request: Request,
  log: string,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const crontabs = await readCrontabs(tether);
  const lines = crontabs.flatMap(({ file, text }) => cronLines(file, text));
  return [
    checkCrontab(request, lines, { self: execPath, runsCron: runsCron() }),
    checkLog(request.pair, { file: log, problem: logProblem(log), tail: tailOf(log) }),
  ];
};

const sideOf = (
  { sudo, sshOptions }: Request,
  { host, dataset }: Place,
  { facts }: Visit,
  side: Side['side'],
): Side | undefined =>
  facts && {
    side,
    where: onHost(host),
    pool: poolOf(dataset),
    facts,
    command: (...command) => commandOn(host, { sudo, sshOptions }, command),
  };

/**
 * Looks at everything that a cycle of this pair needs, on both hosts, and changes nothing. Answers one finding a
 * check, in the order in which a cycle would come to it; of a tree one for each dataset that is not well. Throws what keeps
 * this host from being asked at all.
 */
export const examine = async (
  request: Request,
  log: string,
  tether: Tether,
): Promise<readonly Finding[]> => {
  const { source, target } = request.pair;
  const programs = checkPrograms(request.pair, isInstalled);
  if (needsSsh(request.pair) && !isInstalled('ssh')) return [programs];
  const [there, from] = await Promise.all([
    visitHost(request, target, tether),
    visitHost(request, source, tether),
  ]);
  const fromSide = sideOf(request, source, from, source.host.kind === 'here' ? 'here' : 'source');
  const toSide = sideOf(request, target, there, 'there');
  const bothAnswer = fromSide?.facts.hasZfs === true && toSide !== undefined;
  const bothWork = fromSide?.facts.pool !== undefined && toSide?.facts.pool !== undefined;
  return [
    programs,
    ...checkWay(from, source, ' source'),
    ...checkWay(there, target),
    ...(fromSide === undefined ? [] : checkSender(request, fromSide)),
    ...(toSide === undefined ? [] : checkReceiver(request, toSide)),
    ...(bothWork ? [checkFeatures(fromSide, toSide, source.dataset)] : []),
    ...(bothAnswer ? await checkLinks(request, toSide, tether) : []),
    ...(await checkThisHost(request, log, tether)),
  ];
};
