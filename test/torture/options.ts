import { scriptCommand, wholeNumber } from '../lab/support/script-command.ts';
import { shapes } from './entries.ts';

/** What `scripts/torture` was asked for. It looks here too before it brings up any host. */
export const options = scriptCommand('scripts/torture')
  .description(
    'Strikes a replication with every fault that a lab can make, again and again, and lets a judge that shares no code with zferry say whether what always holds did hold. Ends with 0 without a violation.',
  )
  .option('--rounds <count>', 'the last round that is played', wholeNumber, 25)
  .option('--seed <number>', 'the same seed is the same schedule', wholeNumber)
  .option('--from <round>', 'the first round that is played', wholeNumber, 1)
  .option('--only <text>', 'play faults with that text in their names', '')
  .option(
    '--shape <text>',
    `play rounds of what has that text in its name (${shapes.join(', ')})`,
    '',
  )
  .option('--stop', 'leave both hosts as the first violation did')
  .option('--results <file>', 'append a JSON line for each round')
  .option('--table <file>', 'print such a file as a table, and play nothing')
  .parse()
  .opts<{
    rounds: number;
    seed?: number;
    from: number;
    only: string;
    shape: string;
    stop?: true;
    results?: string;
    table?: string;
  }>();
