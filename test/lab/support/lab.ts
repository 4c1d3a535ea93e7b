import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { environmentOf, LAB, STATE } from './labs.ts';

const SCRIPT = fileURLToPath(new URL('../../../scripts/lab', import.meta.url));

const LONGEST_MS = 90_000;

/** One subcommand of scripts/lab; throws with its output when it fails. */
export const lab = async (...words: readonly string[]): Promise<void> => {
  await execa(SCRIPT, words, { stdin: 'ignore', env: environmentOf(LAB), timeout: LONGEST_MS });
};

/** The same of one of the labs, with its output shown and no time limit: the first image takes minutes. */
export const labLoudly = async (nth: number, ...words: readonly string[]): Promise<void> => {
  await execa(SCRIPT, words, {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    env: environmentOf(nth),
  });
};

/** The network namespace of that lab, as scripts/lab.d/network.sh names it. */
export const NAMESPACE = basename(STATE);
