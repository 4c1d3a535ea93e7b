import type { Command } from 'commander';
import { exitCodes } from '../errors.ts';
import { parseSource } from '../hosts/place.ts';
import type { Oblivion } from '../replication/forget.ts';
import { defaultNameFormat, parseNameFormat } from '../replication/series.ts';
import { sourceWords, sshOption } from './options.ts';
import { printResult, printStep } from './terminal.ts';

interface ForgetOptions {
  readonly nameFormat: string;
  readonly recursive?: boolean;
  readonly sudo?: boolean;
  readonly sshOption?: readonly string[];
  readonly dryRun?: boolean;
}

const example = `
Example:
  zferry forget tank/vm backup --dry-run`;

const tenMinutes = 600_000;

const planLines = ({ dataset, destroys, removes, keeps }: Oblivion): readonly string[] => [
  ...destroys.map((name) => `would destroy ${name}`),
  ...removes.map((property) => `would remove ${property} from ${dataset}`),
  ...keeps.map((name) => `would keep ${name}`),
];

const perform = async (source: string, target: string, options: ForgetOptions): Promise<void> => {
  const request = {
    source: parseSource(source),
    target,
    recursive: options.recursive ?? false,
    series: parseNameFormat(options.nameFormat),
    sudo: options.sudo ?? false,
    sshOptions: options.sshOption ?? [],
  };
  const [{ forget, rehearseForgetting }, { targetShown }, { withInterrupts }] = await Promise.all([
    import('../replication/forget.ts'),
    import('../replication/forgetting.ts'),
    import('./replicate.ts'),
  ]);
  const { dataset } = request.source;
  const tether = (signal: AbortSignal) => ({ locks: [], signal, stall: tenMinutes });
  if (options.dryRun === true) {
    const plans = await withInterrupts((signal) => rehearseForgetting(request, tether(signal)));
    for (const line of plans.flatMap(planLines)) printResult(line);
    return;
  }
  const forgotten = await withInterrupts((signal) =>
    forget(request, { announce: printStep }, tether(signal)),
  );
  for (const each of forgotten) printResult(`${dataset} has forgotten ${targetShown(each)}`);
};

/** `zferry forget`. */
export const addForget = (program: Command, help: string, end: (code: number) => void): void => {
  program
    .command('forget')
    .summary('removes what the source keeps for a target that is gone')
    .description(
      'Removes from the source what it keeps for a target that is gone: bookmarks, properties, and snapshots that only served that target. The target is not asked. Snapshots that may be a history stay, and are named.',
    )
    .argument('<source>', sourceWords)
    .argument('<target>', 'the target as it was given to run or prime, or its ten-digit ID')
    .option('-r, --recursive', 'of the datasets below the source too')
    .option('--name-format <format>', 'how its snapshots were named', defaultNameFormat)
    .option('--sudo', 'run zfs through sudo -n')
    .addOption(sshOption())
    .option('-n, --dry-run', 'print what would go, and do nothing')
    .addHelpText('after', example + help)
    .action(async (source: string, target: string, options: ForgetOptions) => {
      await perform(source, target, options);
      end(exitCodes.done.code);
    });
};
