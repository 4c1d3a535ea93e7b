import process from 'node:process';
import { defineConfig } from 'vitest/config';

/** Where scripts/test wants the counts. */
const report = process.env['ZFERRY_TEST_REPORT'];

/** Both hosts over this machine's own OpenZFS, not in guests: see scripts/test. */
const own = process.env['ZFERRY_LAB_HOSTS'] === 'own';

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
          exclude: own ? ['test/lab/apart/**'] : [],
          globalSetup: ['test/lab/support/setup.ts'],
          // All files share the same two hosts, and there is one wire between them to cut.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 120_000,
          hookTimeout: 300_000,
          retry: 0,
          bail: 0,
        },
      },
    ],
  },
});
