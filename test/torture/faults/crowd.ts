import { setTimeout } from 'node:timers/promises';
import { main, run, second, type Target, third } from '../pairs.ts';
import { everyMoment } from '../tap.ts';
import { type Fault, nothing } from './fault.ts';

/** More runs start while one is at work; each of them must do its work or step back. */
const crowd = (name: string, others: readonly Target[]): Fault => ({
  name,
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  alone: true,
  strike: async ({ chance }) => {
    const results = Promise.all(
      others.map(async (target, index) => {
        await setTimeout(index * chance * 300);
        return { target, ...(await run('run', target)) };
      }),
    );
    // It is awaited when the struck cycle has ended: a trapped one keeps them waiting.
    results.catch(() => undefined);
    return {
      heal: async () => {
        for (const { target, exitCode, stdout, stderr } of await results) {
          if (![0, 4].includes(exitCode)) {
            throw new Error(
              `a run for ${target.dataset} beside others ended with ${exitCode}: ${stderr}`,
            );
          }
          if (stdout + stderr !== '') throw new Error(`not silent: ${stdout}${stderr}`);
        }
      },
    };
  },
});

/** In the same second: the new snapshots need different names. */
const sameSecond: Fault = {
  name: 'two runs in the same second',
  healing: 'itself',
  moments: ['idle'],
  alone: true,
  strike: async () => {
    const results = await Promise.all([run('run', second), run('run', main)]);
    const failed = results.find(({ exitCode }) => exitCode !== 0);
    if (failed !== undefined) throw new Error(`one of two runs failed: ${failed.stderr}`);
    return nothing;
  },
};

export const crowdFaults: readonly Fault[] = [
  crowd('three runs at once for one pair', [main, main]),
  crowd('three runs at once for three pairs', [second, third]),
  sameSecond,
];
