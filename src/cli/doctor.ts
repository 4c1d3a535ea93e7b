import type { Command } from 'commander';
import { exitCodes } from '../errors.ts';
import type { Finding } from '../replication/doctor/finding.ts';
import type { Request } from '../replication/request.ts';
import { type ReplicatingOptions, sourceWords, withReplicatingOptions } from './options.ts';
import { requestsFor } from './targets.ts';
import { findingLines, printResult } from './terminal.ts';

const examples = `
Examples:
  zferry doctor tank/vm backup
  zferry doctor tank/vm backup --compress zstd     the words of a crontab entry, to be checked as they are
  zferry doctor --recursive nas:tank/vm tank/nas   a tree, whose source is on another host`;

/** 3 where a person must decide, 1 where a cycle could fail, 0 otherwise. */
const exitCodeOf = (findings: readonly Finding[]): number => {
  const worst = findings.filter(({ level }) => level === 'bad');
  if (worst.some(({ decide }) => decide)) return exitCodes.decide.code;
  return worst.length > 0 ? exitCodes.failed.code : exitCodes.done.code;
};

const perform = async (source: string, target: string, options: ReplicatingOptions) => {
  const requests = requestsFor('run', source, [target], options);
  const [request] = requests as readonly [Request];
  const [{ examine }, { withInterrupts }] = await Promise.all([
    import('../replication/doctor/examine.ts'),
    import('./replicate.ts'),
  ]);
  const findings = await withInterrupts((signal) =>
    examine(request, options.log, { locks: [], signal, stall: request.stall }),
  );
  const exitCode = exitCodeOf(findings);
  if (options.json === true) {
    const lines = findings.map(({ check, level, seen, hint }) => ({ check, level, seen, hint }));
    const places = { source: request.pair.source.dataset, target: request.pair.target.typed };
    printResult(JSON.stringify({ result: 'examined', ...places, exitCode, findings: lines }));
  } else {
    const shown =
      options.quiet === true ? findings.filter(({ level }) => level !== 'ok') : findings;
    for (const line of findingLines(shown)) printResult(line);
  }
  return exitCode;
};

/** `zferry doctor`. */
export const addDoctor = (program: Command, help: string, end: (code: number) => void): void => {
  withReplicatingOptions(program.command('doctor'))
    .summary('checks everything that a cycle needs, and says how to mend it')
    .description(
      'Checks everything that a cycle needs on both hosts, one line each: ok, warn (a cycle copes) or bad (a cycle could fail), and how to mend it. With --recursive that is one line for each dataset that is not well. It changes nothing. It takes the options of a cycle, so that the words of a crontab entry can be checked as they are.',
    )
    .argument('<source>', sourceWords)
    .argument('<target>', '[user@]host, [user@]host:pool/dataset, or pool/dataset on this host')
    .addHelpText('after', examples + help)
    .action(async (source: string, target: string, options: ReplicatingOptions) => {
      end(await perform(source, target, options));
    });
};
