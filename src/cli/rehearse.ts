import { exitCodes } from '../errors.ts';
import { hostShown } from '../hosts/place.ts';
import { bytesShown } from '../journal/text.ts';
import { type Rehearsal, rehearse } from '../replication/rehearsal.ts';
import type { Request } from '../replication/request.ts';
import type { OutputOptions } from './options.ts';
import { withInterrupts } from './replicate.ts';
import { printResult } from './terminal.ts';

const sending = ({ pair }: Request, { kind, snapshot, base }: Rehearsal): string => {
  const to = `${hostShown(pair.target.host)}:${pair.target.dataset}`;
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

const planLines = (request: Request, plan: Rehearsal): string[] => {
  if (plan.kind === 'already primed') return [sending(request, plan)];
  const host = hostShown(request.pair.target.host);
  const { note, compression } = plan.wire;
  const { dataset } = request.pair.target;
  return [
    ...(plan.givesUpPartial ? [`would give up the partial receive of ${dataset} on ${host}`] : []),
    sending(request, plan),
    `estimated size: ${plan.estimate === undefined ? 'unknown' : `${bytesShown(plan.estimate)} before compression`}`,
    `compression: ${compression}${note === undefined ? '' : ` (${note})`}`,
    ...plan.prune.source.map((name) => `would then destroy ${name} here`),
    ...plan.prune.target.map((name) => `would then destroy ${name} on ${host}`),
  ];
};

const planJson = ({ pair, intent }: Request, plan: Rehearsal): string =>
  JSON.stringify({
    result: 'planned',
    verb: intent,
    source: pair.source.dataset,
    target: pair.target.typed,
    kind: plan.kind,
    snapshot: plan.snapshot,
    base: plan.base,
    estimatedBytes: plan.estimate,
    compression: plan.wire.compression,
    givesUpPartial: plan.givesUpPartial,
    prune: plan.prune,
  });

/** Prints what a cycle would do; answers the exit code. Throws what a cycle would. */
export const printRehearsal = async (request: Request, output: OutputOptions): Promise<number> => {
  const plan = await withInterrupts((signal) =>
    rehearse(request, { locks: [], signal, stall: request.stall }),
  );
  printResult(output.json ? planJson(request, plan) : planLines(request, plan).join('\n'));
  return exitCodes.done.code;
};
