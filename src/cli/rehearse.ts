import { asZferryError, exitCodes, worstOf, ZferryError } from '../errors.ts';
import { hostShown, nameOn } from '../hosts/place.ts';
import { SourceConnection } from '../hosts/source-connection.ts';
import type { Tether } from '../hosts/tether.ts';
import { bytesShown } from '../journal/text.ts';
import {
  type Rehearsal,
  type RehearsedReplacement,
  type RehearsedRollback,
  rehearse,
} from '../replication/rehearsal.ts';
import type { Request } from '../replication/request.ts';
import { type RehearsedMember, rehearseTree } from '../replication/tree/tree-rehearsal.ts';
import type { OutputOptions } from './options.ts';
import { withInterrupts } from './replicate.ts';
import { printError, printResult } from './terminal.ts';

const sending = ({ pair }: Request, { kind, snapshot, base, replaces }: Rehearsal): string => {
  const to = nameOn(pair.target.host, replaces?.as ?? pair.target.dataset);
  switch (kind) {
    case 'already primed':
      return `nothing to do: ${pair.source.dataset} is already primed on ${to} (common base ${base})`;
    case 'resumed':
      return `would go on sending ${snapshot} to ${to} where it was interrupted`;
    case 'full':
      return `would make ${snapshot} and send all of it to ${to}`;
    case 'incremental':
      return `would make ${snapshot} and send what changed since ${base} to ${to}`;
  }
};

const rollbackLines = ({ pair }: Request, { to, bytes, destroys }: RehearsedRollback): string[] => {
  const host = hostShown(pair.target.host);
  return [
    `would roll ${pair.target.dataset} on ${host} back to ${to}: what was written there since is lost (${bytesShown(bytes)})`,
    ...destroys.map((name) => `would destroy ${name} on ${host}`),
  ];
};

const replacementLines = ({ pair }: Request, { as, destroys }: RehearsedReplacement): string[] => {
  const host = hostShown(pair.target.host);
  return [
    ...(as === undefined
      ? []
      : [`would then put ${as} in the place of ${pair.target.dataset} on ${host}`]),
    ...destroys.map((name) => `would then destroy the old ${name} on ${host}`),
  ];
};

/** More names than that say no more on a terminal; --json has all. */
const mostNamed = 5;

const cargoLines = ({ carries }: Rehearsal): string[] => {
  if (carries.length === 0) return [];
  const more = carries.length - mostNamed;
  const names = [...carries.slice(0, mostNamed), ...(more > 0 ? [`${more} more`] : [])];
  return [
    `${carries.length} ${carries.length === 1 ? 'snapshot of others goes' : 'snapshots of others go'} before it: ${names.join(', ')}`,
  ];
};

const planLines = (request: Request, plan: Rehearsal): string[] => {
  const replacing = plan.replaces === undefined ? [] : replacementLines(request, plan.replaces);
  if (plan.kind === 'already primed') return [sending(request, plan), ...replacing];
  const host = hostShown(request.pair.target.host);
  const { note, compression } = plan.wire;
  const from = request.pair.source.host;
  const here = from.kind === 'here' ? 'here' : `on ${hostShown(from)}`;
  const { dataset } = request.pair.target;
  return [
    ...(plan.givesUpPartial ? [`would give up the partial receive of ${dataset} on ${host}`] : []),
    ...(plan.rollback === undefined ? [] : rollbackLines(request, plan.rollback)),
    sending(request, plan),
    ...cargoLines(plan),
    ...(plan.raw ? ['the stream is raw: what is encrypted stays so, and needs no key there'] : []),
    ...(request.properties ? ['the properties of the source go along'] : []),
    ...plan.notes.map((text) => (text.startsWith('@') ? text : `it will be ${text}`)),
    `estimated size: ${plan.estimate === undefined ? 'unknown' : `${bytesShown(plan.estimate)} before compression`}`,
    `compression: ${compression}${note === undefined ? '' : ` (${note})`}`,
    ...plan.prune.source.map((name) => `would then destroy ${name} ${here}`),
    ...plan.prune.target.map((name) => `would then destroy ${name} on ${host}`),
    ...replacing,
  ];
};

const planJson = (request: Request, plan: Rehearsal): string => {
  const { pair, intent } = request;
  return JSON.stringify({
    result: 'planned',
    verb: intent,
    source: pair.source.dataset,
    target: pair.target.typed,
    kind: plan.kind,
    snapshot: plan.snapshot,
    base: plan.base,
    carries: request.includeSnapshots.length > 0 ? plan.carries : undefined,
    estimatedBytes: plan.estimate,
    compression: plan.wire.compression,
    asStored: plan.asStored,
    raw: plan.raw,
    notes: plan.notes,
    givesUpPartial: plan.givesUpPartial,
    rollback: plan.rollback,
    replaces: plan.replaces,
    prune: plan.prune,
  });
};

/** Prints one plan, or what would keep it from being carried out; answers its exit code. */
const printOutcome = (
  request: Request,
  outcome: Rehearsal | ZferryError,
  output: OutputOptions,
  prefix = '',
): number => {
  if (outcome instanceof ZferryError) {
    printError(outcome, prefix);
    return outcome.exitCode;
  }
  printResult(output.json ? planJson(request, outcome) : planLines(request, outcome).join('\n'));
  return exitCodes.done.code;
};

/** What a run would do for one target: with one dataset, or with each of a tree. */
const outlookOf = async (
  request: Request,
  connection: SourceConnection,
  tether: Tether,
): Promise<readonly RehearsedMember[]> => {
  try {
    const { tree } = request;
    if (tree !== undefined) return await rehearseTree(request, tree, connection, tether);
    return [{ request, outcome: await rehearse(request, connection, tether) }];
  } catch (error) {
    return [{ request, outcome: asZferryError(error) }];
  } finally {
    await connection.leave();
  }
};

/**
 * Looks for all targets side by side at what a cycle would do, and prints that in their order, as it prints what
 * would keep one from being done. Answers the worst exit code.
 */
export const printRehearsals = async (
  requests: readonly Request[],
  output: OutputOptions,
): Promise<number> => {
  const connection = new SourceConnection(requests.length);
  const outlooks = await withInterrupts((signal) =>
    Promise.all(
      requests.map((request) =>
        outlookOf(request, connection, { locks: [], signal, stall: request.stall }),
      ),
    ),
  );
  const codes = outlooks.flatMap((members, index) => {
    const prefix = requests.length === 1 ? '' : `${requests[index]?.pair.target.typed}: `;
    return members.map(({ request, outcome }) => printOutcome(request, outcome, output, prefix));
  });
  return worstOf(codes);
};
