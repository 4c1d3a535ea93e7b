import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { commonBase } from '../../../src/replication/plan.ts';
import { bookmarkMeaning } from '../../../src/replication/target-id.ts';
import { oneIn } from '../support/arbitraries.ts';
import { replica } from '../support/pair.ts';
import { type Course, Simulation, type Step } from '../support/simulation.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

const fiveMinutes = 300_000;
const well: Step = { course: 'well', lasts: 0 };

/** Numbers from 0 to 6 that look random, the same for the same seed. */
const whimOf = (seed: number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) % 7;
  };
};

const course = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Course>('well') },
  fc.constantFrom<Course>('refused', 'resumable', 'in vain', 'cut', 'unheard', 'away'),
);

/** One run: what becomes of each target that takes part, and when somebody kills it. */
const runOf = (targets: number) =>
  fc.record({
    steps: fc.array(
      fc.option(fc.record({ course, lasts: fc.constantFrom(0, 0, 0, 1, 4) }), {
        nil: undefined,
        freq: 8,
      }),
      { minLength: targets, maxLength: targets },
    ),
    kill: fc.option(fc.integer({ min: 0, max: 60 }), { nil: undefined, freq: 12 }),
  });

/** A host that is away, or a person who does not decide, for some days in a row. */
const spell = fc.record({
  target: fc.nat(3),
  from: fc.nat(200),
  lasts: fc.integer({ min: 5, max: 150 }),
  course: fc.constantFrom<Course>('away', 'refused', 'cut', 'in vain', 'resumable'),
});

const history = fc.integer({ min: 1, max: 4 }).chain((targets) =>
  fc.record({
    targets: fc.constant(targets),
    runs: fc.array(runOf(targets), { minLength: 1, maxLength: 220, size: 'max' }),
    spells: fc.array(spell, { maxLength: 4 }),
    keep: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  }),
);

const tick = () => vi.setSystemTime(Date.now() + fiveMinutes);

const primed = async (targets: number, keep: number | undefined, seed: number) => {
  const simulation = new Simulation(targets, keep, whimOf(seed));
  tick();
  await simulation.run(simulation.targets.map(() => well));
  return simulation;
};

/**
 * What always holds, in the midst of everything. `unclear` counts for each target the runs, since its last success, after
 * which nobody could tell what had been done: killed ones, and streams that arrived unheard.
 */
const check = (simulation: Simulation, keep: number, unclear: readonly number[]) => {
  const { source, targets, errors } = simulation;
  expect(errors).toEqual([]);
  const most = unclear.map((count) => 3 + count);
  for (const [index, target] of targets.entries()) {
    expect(commonBase(source, replica(target.snapshots))).toBeDefined();
    const own = source.bookmarks.filter(
      ({ label }) => bookmarkMeaning(label)?.target === target.id,
    );
    expect(own.length).toBeLessThanOrEqual(most[index] ?? 0);
  }
  expect(source.snapshots.length).toBeLessThanOrEqual(most.reduce((a, b) => a + b) + keep);
};

describe('several targets in one run, again and again', () => {
  test('each always has its base, and nothing piles up, whatever happens to whom', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ targets, runs, spells, keep, seed }) => {
        const simulation = await primed(targets, keep, seed);
        const unclear = simulation.targets.map(() => 0);
        for (const [index, { steps, kill }] of runs.entries()) {
          const now = spells.filter(({ from, lasts }) => index >= from && index < from + lasts);
          const spelt = steps.map((step, target) => {
            const course = now.find((each) => each.target === target)?.course ?? step?.course;
            return step === undefined || course === undefined ? undefined : { ...step, course };
          });
          tick();
          const before = simulation.targets.map(({ successes }) => successes);
          await simulation.run(spelt, kill);
          for (const [place, { successes }] of simulation.targets.entries()) {
            const isUnclear = kill !== undefined || spelt[place]?.course === 'unheard';
            const earlier = successes > (before[place] ?? 0) ? 0 : (unclear[place] ?? 0);
            unclear[place] = earlier + (isUnclear ? 1 : 0);
          }
          check(simulation, keep ?? 0, unclear);
        }
        // Slow streams end, and all goes well.
        for (let rest = 0; rest < 8; rest += 1) {
          tick();
          await simulation.run(simulation.targets.map(() => well));
        }
        check(simulation, keep ?? 0, unclear);
        const { source } = simulation;
        expect(source.bookmarks).toHaveLength(targets);
        expect(source.snapshots.length).toBeLessThanOrEqual(keep ?? 1);
        const newest = source.snapshots.at(-1)?.guid;
        for (const { snapshots } of simulation.targets) {
          expect(snapshots.map(({ guid }) => guid)).toEqual([newest]);
        }
      }),
      oneIn(400),
    );
  });

  test('what a slow target had in vain goes, although a faster one has gone on meanwhile', async () => {
    const simulation = await primed(2, undefined, 1);
    tick();
    await simulation.run([{ course: 'in vain', lasts: 4 }, well]);
    for (let rest = 0; rest < 8; rest += 1) {
      tick();
      await simulation.run([well, well]);
    }
    expect(simulation.errors).toEqual([]);
    expect(simulation.source.snapshots).toHaveLength(1);
  });

  test('cycles that list no snapshots are the ordinary case', async () => {
    const simulation = await primed(2, undefined, 1);
    for (let cycle = 0; cycle < 10; cycle += 1) {
      tick();
      await simulation.run(simulation.targets.map(() => well));
    }
    expect(simulation.short).toBe(20);
    expect(simulation.source.snapshots).toHaveLength(1);
  });
});
