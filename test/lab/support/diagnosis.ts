import { expect } from 'vitest';
import type { Result } from './result.ts';

interface Finding {
  readonly level: string;
  readonly seen: string;
  readonly hint?: string;
}

/** What `zferry doctor --json` printed, by check. */
export interface Diagnosis {
  readonly exitCode: number;
  readonly of: Readonly<Record<string, Finding | undefined>>;
  /** The checks that were not ok; no pair of a test is in a crontab. */
  readonly troubles: readonly string[];
}

export const diagnosisOf = ({ exitCode, stdout, stderr }: Result): Diagnosis => {
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as {
    exitCode: number;
    findings: (Finding & { check: string })[];
  };
  expect(report.exitCode).toBe(exitCode);
  return {
    exitCode,
    of: Object.fromEntries(report.findings.map(({ check, ...finding }) => [check, finding])),
    troubles: report.findings
      .filter(({ check, level }) => level !== 'ok' && check !== 'crontab')
      .map(({ check }) => check),
  };
};
