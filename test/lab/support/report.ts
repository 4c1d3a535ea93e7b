import type { Result } from './result.ts';

/** What `--json` prints of a cycle that replicated: fields of the documented contract. */
export interface Report {
  readonly result: string;
  /** As it was typed. */
  readonly target: string;
  readonly kind: string;
  readonly snapshot: string;
  readonly base?: string;
  readonly bytes: number;
  readonly compression: string;
  readonly asStored: boolean;
  readonly raw: boolean;
  readonly kept: readonly string[];
  readonly carried?: number;
  readonly notes: readonly string[];
}

const printed = ({ exitCode, stdout, stderr }: Result): string => {
  if (exitCode !== 0 || stderr !== '') {
    throw new Error(`exit code ${String(exitCode)}: ${stderr}${stdout}`);
  }
  return stdout;
};

/** Reads it; throws where the cycle did not succeed silently but for that object. */
export const reportOf = (result: Result): Report => JSON.parse(printed(result)) as Report;

/** The same of a run for several targets, which prints an object for each, by what the target was called. */
export const reportsOf = (result: Result): ReadonlyMap<string, Report> => {
  const reports = printed(result)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Report);
  return new Map(reports.map((report) => [report.target, report]));
};
