import { expect } from 'vitest';
import { receivedBytes, streamBytes } from './interruption.ts';
import { silentSuccess } from './outcome.ts';
import { newestEqual, type Pair, writeFiles } from './pair.ts';
import { reportOf } from './report.ts';
import { isTidy } from './tidy.ts';

const MIB = 2 ** 20;
const RESUMED = / replicated to dst successfully\. resumed [0-9.]+ [KM]iB in [0-9.]+ s$/;

/** Once its trouble is over, the next cycle brings over what was written since. */
export const replicates = async (pair: Pair): Promise<void> => {
  await writeFiles(pair.source, 'afterwards');
  expect(await pair.cycle()).toEqual(silentSuccess);
  await newestEqual(pair);
};

/** Runs to the end, and makes sure that what the target had was not sent again. */
export const goesOn = async (pair: Pair, verb: 'run' | 'prime', base?: string): Promise<void> => {
  const [whole, had] = await Promise.all([streamBytes(pair, base), receivedBytes(pair)]);
  expect(had).toBeGreaterThan(4 * MIB);
  const { kind, bytes } = reportOf(await pair.zferry(verb, pair.source, pair.place, '--json'));
  expect(kind).toBe('resumed');
  // zfs prints three digits of it, and begins with the record that was cut
  expect(bytes).toBeLessThan((whole - had) * 1.02 + 0.3 * MIB);
  expect((await pair.lines()).at(-1)).toMatch(RESUMED);
  await isTidy(pair);
};
