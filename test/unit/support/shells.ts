import { spawnSync } from 'node:child_process';
import { isInstalled } from '../../../src/hosts/environment.ts';

/** Login shells that a target may have, as far as this machine has them. */
export const loginShells = ['sh', 'dash', 'bash', 'zsh', 'fish', 'tcsh', 'csh'].filter(isInstalled);

/** Shells of those that speak POSIX. */
export const posixShells = loginShells.filter((shell) => !/^(fish|t?csh)$/.test(shell));

/** What `SHELL -c COMMAND` did, as sshd starts a command. */
export const runIn = (shell: string, command: string) => {
  const { status, stdout, stderr } = spawnSync(shell, ['-c', command], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout, stderr };
};

/** What comes before words in a command that prints each of them on a line of its own. */
export const printer = "/usr/bin/printf '%s\\n' ";
