import { Command, CommanderError } from 'commander';
import { exitCodes, usageError, type ZferryError } from '../errors.ts';
import { shown } from '../zfs/names.ts';
import { addDoctor } from './doctor.ts';
import { addForget } from './forget.ts';
import { addGrant } from './grant.ts';
import { addPrime } from './prime.ts';
import { addRun } from './run.ts';
import { printResult } from './terminal.ts';

declare const __VERSION__: string;

const exitCodeTable = Object.values(exitCodes)
  .map(({ code, meaning }) => `  ${code}  ${meaning}`)
  .join('\n');

const places = `
Places:
  pool/dataset               on this host (as a source also :pool, the root of a pool)
  [user@]host                as a target: the dataset of the same name there
  [user@]host:pool/dataset   ssh://[user@]host[:port]/pool/dataset
  Host aliases, users, ports, keys and jump hosts come from the ssh configuration.`;

const help = `
Exit codes:
${exitCodeTable}
  Of several targets the worst, in this order: 3, 2, 1, 4, 0.`;

/** What commander adds on a line of its own. What was typed stands in the line before, and may pose as one. */
const guess = /\n\((Did you mean [^\n]*)\)$/;

/** Commander's complaint as one of ours: without its `error:`, its guess as the hint. */
export const asUsageError = ({ message }: CommanderError): ZferryError => {
  const complaint = message.replace(/^error: /, '').replace(guess, '');
  return usageError(shown(complaint), guess.exec(message)?.[1] ?? 'see zferry --help');
};

/** Help and version were asked for and given: no error. */
const isAnswer = (error: CommanderError): boolean => error.exitCode === 0;

/**
 * Reads the command line and does what it says; answers the exit code. Throws ZferryErrors: usage errors
 * before anything was begun.
 */
export const runProgram = async (words: readonly string[]): Promise<number> => {
  let code: number = exitCodes.done.code;
  const end = (result: number) => {
    code = result;
  };
  const program = new Command('zferry')
    .usage('<source> <target> [options]\n       zferry <verb> ...')
    .summary('keeps a ZFS dataset replicated to other hosts')
    .description(
      'Keeps a ZFS dataset replicated to another host. Cron starts it; it does one cycle, writes one line to a log file and ends. The target needs OpenZFS, sshd and the compressor, nothing of zferry.',
    )
    .version(__VERSION__, '-V, --version')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => printResult(text.trimEnd()), writeErr: () => undefined })
    .addHelpText(
      'after',
      `${places}\n\nExample:\n  zferry prime tank/vm backup     once\n  zferry tank/vm backup           from cron\n${help}`,
    );
  addRun(program, `\n${help}`, end);
  addPrime(program, `\n${help}`, end);
  addDoctor(program, `\n${help}`, end);
  addForget(program, `\n${help}`, end);
  addGrant(program, `\n${help}`, end);
  try {
    await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (!isAnswer(error)) throw asUsageError(error);
  }
  return code;
};
