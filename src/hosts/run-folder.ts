import { homedir } from 'node:os';
import { join } from 'node:path';
import { geteuid } from 'node:process';

/** Where locks are, and pipes while they are made. One folder whatever the environment is: cron and a terminal must agree on it. */
export const runFolder = (): string =>
  geteuid?.() === 0 ? '/run/zferry' : join(homedir(), '.local', 'state', 'zferry', 'run');
