import { InvalidArgumentError } from 'commander';
import { scriptCommand, wholeNumber } from '../lab/support/script-command.ts';
import { type Scenario, scenarios } from './scenarios.ts';

const scenarioOf = (wanted: string): Scenario => {
  const scenario = scenarios.find(({ name }) => name === wanted);
  if (scenario !== undefined) return scenario;
  const names = scenarios.map(({ name }) => name).join(', ');
  throw new InvalidArgumentError(`There are ${names}.`);
};

/** What `scripts/bench` was asked for. It looks here too before it brings up any host. */
export const options = scriptCommand('scripts/bench')
  .description(
    'Races zferry against the floor (the same cycle by hand, test/bench/floor.sh) and other tools, in turn, on new hosts of its own.',
  )
  .option(
    '--rounds <count>',
    'how often each runs, beside one round to warm up; streams and trees a fifth as often',
    wholeNumber,
    10,
  )
  .option(
    '--only <names>',
    `scenarios with a comma between (${scenarios.map(({ name }) => name).join(', ')})`,
    (names): readonly Scenario[] => names.split(',').map(scenarioOf),
  )
  .option('--write', 'put the figures into docs/BENCHMARKS.md')
  .parse()
  .opts<{ rounds: number; only?: readonly Scenario[]; write?: true }>();
