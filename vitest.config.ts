import process from 'node:process';
import { defineConfig } from 'vitest/config';
import { LABS, OWN } from './test/lab/support/labs.ts';

/** Where scripts/test wants the counts. */
const report = process.env['ZFERRY_TEST_REPORT'];

export default defineConfig({
  // What the build puts in from package.json; a test sees a version that no release has.
  define: { __VERSION__: JSON.stringify('0.0.0-test') },
  test: {
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          // vitest leaves a processor free, which of two is half
          maxWorkers: '100%',
          setupFiles: process.env['ZFERRY_CASES_FILE'] ? ['test/unit/support/count-cases.ts'] : [],
          // A night's properties have more cases, and more time: a millisecond a case is plenty.
          testTimeout: Math.max(60_000, Number(process.env['ZFERRY_CASES'] ?? 0)),
        },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          // What needs two kernels, or two pools of one name
          exclude: OWN ? ['test/lab/apart/**'] : [],
          globalSetup: ['test/lab/support/setup.ts'],
          // Each worker has a lab: in that all files share the same two hosts, and there is one wire to cut.
          maxWorkers: LABS,
          testTimeout: 120_000,
          hookTimeout: 300_000,
          retry: 0,
          bail: 0,
        },
      },
    ],
  },
});
