import { basename } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const SCRIPT = fileURLToPath(new URL('../../../scripts/lab', import.meta.url));

const LONGEST_MS = 90_000;

/** One subcommand of scripts/lab; throws with its output when it fails. */
export const lab = async (...words: readonly string[]): Promise<void> => {
  await execa(SCRIPT, words, { stdin: 'ignore', timeout: LONGEST_MS });
};

/** The same with its output shown and no time limit: the first image takes minutes. */
export const labLoudly = async (...words: readonly string[]): Promise<void> => {
  await execa(SCRIPT, words, {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
  });
};

/** Whether the hosts are namespaces over this machine's own OpenZFS. One kernel then serves both. */
export const OWN = process.env['ZFERRY_LAB_HOSTS'] === 'own';

/** As scripts/lab has it. */
export const STATE = `${process.env['ZFERRY_LAB_STATE'] ?? '/var/lib/zferry-lab'}${OWN ? '-own' : ''}`;

/** The network namespace of that lab, as scripts/lab.d/network.sh names it. */
export const NAMESPACE = basename(STATE);
