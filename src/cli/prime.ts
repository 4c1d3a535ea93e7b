import type { Command } from 'commander';
import { type ReplicatingOptions, sourceWords, withReplicatingOptions } from './options.ts';
import { perform } from './perform.ts';
import { requestsFor, targetWords } from './targets.ts';

const example = `
Example:
  zferry prime tank/vm backup`;

/** `zferry prime`. */
export const addPrime = (program: Command, help: string, end: (code: number) => void): void => {
  withReplicatingOptions(program.command('prime'))
    .summary('the first full send; goes on where it was interrupted')
    .description(
      'The first full send. The target must not exist yet (but see --replace); it becomes read-only and is never mounted by it. When interrupted, the same command (or a cycle) goes on where it stopped.',
    )
    .argument('<source>', sourceWords)
    .argument('<target...>', targetWords)
    .option(
      '--abort-partial',
      'first give up a partial receive on the target; of a first send this destroys the target',
    )
    .option(
      '--replace',
      'send everything anew beside the old replica, which is destroyed once the new one is verified',
    )
    .addHelpText('after', example + help)
    .action(async (source: string, targets: string[], options: ReplicatingOptions) => {
      end(await perform(requestsFor('prime', source, targets, options), options));
    });
};
