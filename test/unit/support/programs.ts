import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** Makes sure that this host has a program of that name, whatever machine the test runs on, for one test. */
export const install = (name: string): void => {
  const folder = mkdtempSync(join(tmpdir(), 'zferry-path-'));
  writeFileSync(join(folder, name), '', { mode: 0o755 });
  vi.stubEnv('PATH', folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
};
