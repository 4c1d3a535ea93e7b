import { childFaults } from './children.ts';
import { clockFaults } from './clock.ts';
import { crowdFaults } from './crowd.ts';
import type { Fault } from './fault.ts';
import { poolFaults } from './pools.ts';
import { powerFaults } from './power.ts';
import { processFaults } from './processes.ts';
import { sourceHandFaults } from './source-hands.ts';
import { targetHandFaults } from './target-hands.ts';
import { tokenFaults } from './tokens.ts';
import { wireFaults } from './wire.ts';

/** Everything that goes wrong. */
export const faults: readonly Fault[] = [
  ...processFaults,
  ...wireFaults,
  ...powerFaults,
  ...poolFaults,
  ...clockFaults,
  ...sourceHandFaults,
  ...targetHandFaults,
  ...tokenFaults,
  ...crowdFaults,
  ...childFaults,
];
