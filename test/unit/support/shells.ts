import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
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

/** What comes before words in a command that prints each of them, with a NUL behind it. */
export const printer = "/usr/bin/printf '%s\\0' ";

/** What a program got as its words that a shell started with this command line. Throws where it complained. */
export const wordsOf = (shell: string, words: string): readonly string[] => {
  const { status, stdout, stderr } = runIn(shell, `${printer}${words}`);
  if (status !== 0 || stderr !== '') throw new Error(`${shell}: ${String(status)} ${stderr}`);
  return stdout.split('\0').slice(0, -1);
};

/** So many words for one run of a shell: starting one takes longer than making a word. */
const longestBatch = 400;

/** A batch of cases, none empty. */
export const batch = <T>(single: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(single, { minLength: 1, maxLength: longestBatch, size: 'max' });

/** So many batches as have that many cases on average. */
export const inBatches = ({ numRuns }: { readonly numRuns: number }) => ({
  numRuns: Math.ceil((2 * numRuns) / longestBatch),
});
