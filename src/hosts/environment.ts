import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { env } from 'node:process';

/** cron's PATH is /usr/bin:/bin; zfs is in sbin on every system. */
const systemFolders = [
  ...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'],
] as const;

const searchPath = (): string[] => [
  ...new Set([...(env['PATH'] ?? '').split(delimiter).filter(Boolean), ...systemFolders]),
];

/** The environment of every process that zferry starts: sbin on PATH, messages in English so that they can be read. */
export const childEnvironment = (): Record<string, string | undefined> => ({
  ...env,
  PATH: searchPath().join(delimiter),
  LC_ALL: 'C',
});

/** True where a program of that name can be executed from {@link childEnvironment}'s PATH. */
export const isInstalled = (program: string): boolean =>
  searchPath().some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
