import type { Result } from './ssh.ts';

/** What `--json` prints of a cycle that replicated: fields of the documented contract. */
export interface Report {
  readonly result: string;
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

/** Reads it; throws where the cycle did not succeed silently but for that object. */
export const reportOf = ({ exitCode, stdout, stderr }: Result): Report => {
  if (exitCode !== 0 || stderr !== '') {
    throw new Error(`exit code ${String(exitCode)}: ${stderr}${stdout}`);
  }
  return JSON.parse(stdout) as Report;
};
