import { globSync, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import SSHConfig from 'ssh-config';
import type { RemoteHost } from './place.ts';

/** The settings of the user's ssh configuration that decide which of zferry's own are left out. */
export type SshSettings = ReadonlySet<string>;

/** ssh_config(5): at most 16 levels of Include. */
const deepestInclude = 16;

/** ssh passes over what it cannot read, such as a folder that an Include pattern matches. */
const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

/** The file's text with its Include lines replaced by what they name (ssh-config does not follow them). */
const expanded = (path: string, folder: string, depth = 0): string => {
  if (depth > deepestInclude) return '';
  return textOf(path).replaceAll(/^[ \t]*Include[ \t=]+(.+)$/gim, (_line, patterns: string) =>
    patterns
      .trim()
      .split(/\s+/)
      .map((word) => word.replaceAll('"', '').replace(/^~(?=\/)/, homedir()))
      .flatMap((pattern) =>
        globSync(isAbsolute(pattern) ? pattern : join(folder, pattern)).toSorted(),
      )
      .map((file) => expanded(file, folder, depth + 1))
      .join('\n'),
  );
};

/** All that ssh's configuration files say, with what they include. */
export const sshConfiguration = (): string => {
  const user = join(homedir(), '.ssh');
  return [expanded(join(user, 'config'), user), expanded('/etc/ssh/ssh_config', '/etc/ssh')].join(
    '\n',
  );
};

/**
 * The names (in lower case) of what ssh's configuration files set for this host. ssh itself is the one
 * that applies them; this only tells whether the user chose a time-out or a control path, and asking
 * `ssh -G` would cost a second ssh process a cycle. `Match exec` is not run: its settings count as absent.
 */
export const readSshSettings = (host: RemoteHost): SshSettings => {
  const query = { Host: host.name, User: host.user ?? userInfo().username };
  try {
    const computed = SSHConfig.parse(sshConfiguration()).compute(query, {
      ignoreCase: true,
      matchExec: false,
    });
    return new Set(Object.keys(computed));
  } catch {
    // ssh reads it too, and says what is wrong in which line.
    return new Set();
  }
};

/** True where the user says, in the configuration or with `--ssh-option`, where connections to a host are shared. */
export const namesControlPath = (settings: SshSettings, options: readonly string[]): boolean =>
  settings.has('controlpath') || options.some((option) => /^\s*controlpath[\s=]/i.test(option));
