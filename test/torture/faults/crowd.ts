import { setTimeout } from 'node:timers/promises';
import { type Entry, main, run, second, third } from '../entries.ts';
import { everyMoment } from '../tap.ts';
import { type Fault, nothing, type Scene } from './fault.ts';

/** More runs start while one is at work; each of them must do its work or step back. */
const crowd = (name: string, others: (scene: Scene) => readonly Entry[]): Fault => ({
  name,
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  alone: true,
  strike: async (scene) => {
    const results = Promise.all(
      others(scene).map(async (entry, index) => {
        await setTimeout(index * scene.chance * 300);
        return { entry, ...(await run('run', entry)) };
      }),
    );
    // It is awaited when the struck cycle has ended: a trapped one keeps them waiting.
    results.catch(() => undefined);
    return {
      heal: async () => {
        for (const { entry, exitCode, stdout, stderr } of await results) {
          if (![0, 4].includes(exitCode)) {
            throw new Error(
              `a run for ${entry.log} beside others ended with ${exitCode}: ${stderr}`,
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
  shapes: ['filesystem'],
  alone: true,
  strike: async () => {
    const results = await Promise.all([run('run', second), run('run', main)]);
    const failed = results.find(({ exitCode }) => exitCode !== 0);
    if (failed !== undefined) throw new Error(`one of two runs failed: ${failed.stderr}`);
    return nothing;
  },
};

export const crowdFaults: readonly Fault[] = [
  crowd('three runs at once for one pair', ({ entry }) => [entry, entry]),
  { ...crowd('three runs at once for three pairs', () => [second, third]), shapes: ['filesystem'] },
  sameSecond,
];
