import type { Command } from 'commander';
import { type ReplicatingOptions, sourceWords, withReplicatingOptions } from './options.ts';
import { perform } from './perform.ts';
import { requestsFor, targetWords } from './targets.ts';

const example = `
Example, as a crontab entry that replicates every five minutes:
  */5 * * * * /usr/local/bin/zferry tank/vm backup
To two hosts, side by side, from one snapshot:
  */5 * * * * /usr/local/bin/zferry tank/vm backup offsite`;

/** `zferry run`, also what `zferry SOURCE TARGET` means. */
export const addRun = (program: Command, help: string, end: (code: number) => void): void => {
  withReplicatingOptions(program.command('run', { isDefault: true }))
    .summary('one cycle: bring each target up to date, verify, prune, log')
    .description(
      'One cycle: make a snapshot, send what changed, verify that it arrived, prune, log. Several targets are served side by side, each with a log line of its own; the exit code is the worst.',
    )
    .argument('<source>', sourceWords)
    .argument('<target...>', targetWords)
    .option(
      '--rollback',
      'first take a target that was changed back to the last common snapshot; destroys the changes there and every newer snapshot',
    )
    .addHelpText('after', example + help)
    .action(async (source: string, targets: string[], options: ReplicatingOptions) => {
      end(await perform(requestsFor('run', source, targets, options), options));
    });
};
