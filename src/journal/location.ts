import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

/** Where the log is unless the person says otherwise: root's in /var/log, anybody else's in the XDG state folder. */
export const defaultLog = (): string =>
  process.geteuid?.() === 0
    ? '/var/log/zferry.log'
    : join(
        process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state'),
        'zferry',
        'zferry.log',
      );
