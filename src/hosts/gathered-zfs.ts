import { setImmediate } from 'node:timers';
import { failure } from '../errors.ts';
import { tied } from './child.ts';
import { run } from './command.ts';
import type { Completed } from './completed.ts';
import { countedWords, firstWords } from './first-words.ts';
import type { Tether } from './tether.ts';
import { type Zfs, zfsCommand, zfsSaid } from './zfs-command.ts';

/** Runs its commands one after the other, and tells of each what it said and how it ended. */
const program = `
while [ $# -gt 0 ]; do
  count=$1
  shift
  ${firstWords}
  said=$(eval "$command" 2>&1)
  printf '%s\\nzferry-status %s\\n' "$said" $?
  shift $count
done`;

/** Commands that say nothing but complaints: of these no output is wanted. */
const silent: ReadonlySet<string> = new Set(['bookmark', 'destroy', 'set']);

/** How many go into one shell: few enough to end within any stall limit and to fit a command line. */
const mostAtOnce = 100;

interface Waiting {
  readonly parameters: readonly string[];
  readonly resolve: (completed: Completed) => void;
  readonly reject: (reason: unknown) => void;
}

export const answersIn = (stdout: string): readonly Completed[] => {
  const answers: Completed[] = [];
  let said: string[] = [];
  for (const line of stdout.split('\n')) {
    const code = /^zferry-status ([0-9]+)$/.exec(line)?.[1];
    if (code === undefined) {
      said.push(line);
    } else {
      answers.push({ exitCode: Number(code), stdout: '', stderr: said.join('\n').trim() });
      said = [];
    }
  }
  return answers;
};

/** In one shell of this host. */
const runAll = async (
  commands: readonly (readonly string[])[],
  sudo: boolean,
  tether: Tether,
): Promise<readonly Completed[]> => {
  const words = commands.flatMap((parameters) => countedWords(zfsCommand(sudo, parameters)));
  // It ends with zferry: what nobody waits for any more is not begun.
  const shell = tied(['sh', '-c', program, 'zferry-zfs', ...words]);
  const { stdout, stderr, exitCode } = await run(shell, tether);
  const answers = answersIn(stdout);
  if (answers.length === commands.length) return answers;
  throw failure(`a shell for zfs commands ended with ${exitCode}: ${stderr}`);
};

/**
 * zfs for many datasets at a time: what is asked of it in the same moment goes through one `runBatch`, a shell's or a
 * session's. Commands whose output counts are run as ever.
 */
export const gathering = (
  zfs: Zfs,
  runBatch: (commands: readonly (readonly string[])[]) => Promise<readonly Completed[]>,
): Zfs => {
  let waiting: Waiting[] = [];
  let isWorking = false;
  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(mostAtOnce);
      try {
        const commands = batch.map(({ parameters }) => parameters);
        const answers = await runBatch(commands);
        for (const [index, { resolve }] of batch.entries()) {
          const answer = answers[index];
          if (answer !== undefined) resolve(answer);
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isWorking = false;
  };
  const ask = async (parameters: readonly string[]): Promise<Completed> => {
    if (!silent.has(parameters[0] ?? '')) return await zfs.ask(parameters);
    return await new Promise((resolve, reject) => {
      waiting.push({ parameters, resolve, reject });
      if (isWorking) return;
      isWorking = true;
      // Whoever else asks in this turn of the event loop comes along.
      setImmediate(() => void flush());
    });
  };
  return {
    ...zfs,
    ask,
    tell: async (parameters) => {
      const completed = await ask(parameters);
      if (completed.exitCode !== 0) throw failure(zfsSaid(completed));
      return completed.stdout;
    },
  };
};

/**
 * The same on this host, one command after the other in one shell. To start a process costs a shell a fraction of what it costs
 * this process.
 */
export const gatheredZfs = (zfs: Zfs, sudo: boolean, tether: Tether): Zfs =>
  gathering(zfs, (commands) => runAll(commands, sudo, tether));
