import { readFileSync } from 'node:fs';
import type { Host } from './host.ts';
import { sh } from './quote.ts';

const program = readFileSync(new URL('many-snapshots.py', import.meta.url), 'utf8');

/** Makes snapshots of a dataset, in that order, by one process: `zfs snapshot` takes one of a dataset at a time. */
export const manySnapshots = async (
  host: Host,
  dataset: string,
  labels: readonly string[],
): Promise<void> => {
  // Only what is on the command line is read by the shell; a thousand names may be too much for that.
  await host.ok(sh`python3 -c ${program} ${dataset}`, {
    input: labels.map((label) => `${label}\n`).join(''),
    timeout: 3_600_000,
  });
};
