import type { Command } from 'commander';
import { usageError } from '../errors.ts';
import { type ReplicatingOptions, requestFor, withReplicatingOptions } from './options.ts';
import { perform } from './perform.ts';

/** One target a command, until several are there. */
export const onlyTarget = (targets: readonly string[]): string => {
  const [target, second] = targets;
  if (target !== undefined && second === undefined) return target;
  throw usageError(
    'several targets in one command are not supported yet',
    'write one crontab line for each target',
  );
};

const example = `
Example, as a crontab entry that replicates every five minutes:
  */5 * * * * /usr/local/bin/zferry tank/vm backup`;

/** `zferry run`, also what `zferry SOURCE TARGET` means. */
export const addRun = (program: Command, help: string, end: (code: number) => void): void => {
  withReplicatingOptions(program.command('run', { isDefault: true }))
    .summary('one cycle: bring the target up to date, verify, prune, log')
    .description(
      'One cycle: make a snapshot, send what changed, verify that it arrived, prune, log.',
    )
    .argument('<source>', 'pool/dataset on this host')
    .argument('<target...>', '[user@]host, [user@]host:pool/dataset, or pool/dataset on this host')
    .option(
      '--rollback',
      'first take a target that was changed back to the last common snapshot; destroys the changes there and every newer snapshot',
    )
    .addHelpText('after', example + help)
    .action(async (source: string, targets: string[], options: ReplicatingOptions) => {
      const request = requestFor('run', source, onlyTarget(targets), options, 'zferry');
      end(await perform(request, options));
    });
};
