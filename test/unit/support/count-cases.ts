import { appendFileSync } from 'node:fs';
import { env } from 'node:process';
import fc from 'fast-check';

/** vitest's setupFile for a night: writes down how many cases each property had, for scripts/nightly to add up. */
fc.configureGlobal({
  reporter: (run) => {
    appendFileSync(env['ZFERRY_CASES_FILE'] ?? '', `${run.numRuns}\n`);
    if (run.failed) throw new Error(fc.defaultReportMessage(run));
  },
});
