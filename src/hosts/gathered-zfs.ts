import process from 'node:process';
import { setImmediate } from 'node:timers';
import { failure } from '../errors.ts';
import { channelProgram, mostInProgram, parseDone, programWords } from './channel-program.ts';
import { tied } from './child.ts';
import { run } from './command.ts';
import type { Completed } from './completed.ts';
import { countedWords, firstWords } from './first-words.ts';
import type { Tether } from './tether.ts';
import { type Zfs, zfsCommand, zfsSaid } from './zfs-command.ts';

/** How many run at a time: each waits for a transaction group, and all can wait for the same one. */
const lanes = 8;

/** Runs its commands, some at a time, and tells of each by its number how it ended and, in one line, what it said. */
const program = `
set -f
nth=0
while [ $# -gt 0 ]; do
  count=$1
  shift
  ${firstWords}
  (
    said=$(eval "$command" 2>&1)
    code=$?
    set -- $said
    printf '%s %s %.2000s\\n' $nth $code "$*"
  ) &
  shift $count
  nth=$((nth + 1))
  [ $((nth % ${lanes})) = 0 ] && wait
done
wait`;

/** Hands a channel program to zfs. */
const programRunner = 'text=$1; shift; printf %s "$text" | "$@"';

/** Commands that say nothing but complaints: of these no output is wanted. */
const silent: ReadonlySet<string> = new Set(['bookmark', 'destroy', 'set']);

interface Waiting {
  readonly parameters: readonly string[];
  readonly resolve: (completed: Completed) => void;
  readonly reject: (reason: unknown) => void;
}

/** Reads what a program told that ran its commands one after the other: what each said, and how it ended. */
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

/** The same of one that ran them some at a time, by their numbers. */
const numberedAnswersIn = (stdout: string): readonly Completed[] => {
  const answers: Completed[] = [];
  for (const line of stdout.split('\n')) {
    const [, nth, code, said = ''] = /^([0-9]+) ([0-9]+) (.*)$/.exec(line) ?? [];
    if (nth === undefined) continue;
    answers[Number(nth)] = { exitCode: Number(code), stdout: '', stderr: said };
  }
  return answers;
};

type Commands = readonly (readonly string[])[];

/** Each by a command of its own, in one shell of this host. */
const runEach = async (
  commands: Commands,
  sudo: boolean,
  tether: Tether,
): Promise<readonly Completed[]> => {
  if (commands.length === 0) return [];
  const words = commands.flatMap((parameters) => countedWords(zfsCommand(sudo, parameters)));
  // It ends with zferry: what nobody waits for any more is not begun.
  const shell = tied(['sh', '-c', program, 'zferry-zfs', ...words]);
  const { stdout, stderr, exitCode } = await run(shell, tether);
  const answers = numberedAnswersIn(stdout);
  if (commands.every((_, index) => answers[index] !== undefined)) return answers;
  throw failure(`a shell for zfs commands ended with ${exitCode}: ${stderr}`);
};

/** Does in one channel program what one can do; answers which were done, or nothing where there are no such programs. */
const runTogether = async (
  commands: Commands,
  sudo: boolean,
  tether: Tether,
): Promise<ReadonlySet<Commands[number]> | undefined> => {
  const able = commands.flatMap((command) => {
    const words = programWords(command);
    return words === undefined ? [] : [{ command, words }];
  });
  const [first] = able;
  // One alone costs the same.
  if (first === undefined || able.length === 1) return new Set();
  const pool = first.words[1].replace(/[/@#].*$/, '');
  const words = able.flatMap((one) => one.words);
  const command = zfsCommand(sudo, ['program', '-j', pool, '-', ...words]);
  const shell = tied(['sh', '-c', programRunner, 'zferry-zfs', channelProgram, ...command]);
  const { stdout } = await run(shell, tether, `zfs program ${pool}`);
  const done = parseDone(stdout, able.length);
  return done && new Set(able.filter((_, index) => done[index]).map((one) => one.command));
};

const quiet: Completed = { exitCode: 0, stdout: '', stderr: '' };

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
      const batch = waiting.slice(0, mostInProgram);
      waiting = waiting.slice(mostInProgram);
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
 * The same on this host, for datasets of one pool: by one channel program as far as one can do it, and else by one shell, some
 * commands at a time. To start a process costs a shell a fraction of what it costs this process.
 */
export const gatheredZfs = (zfs: Zfs, sudo: boolean, tether: Tether): Zfs => {
  // Only root may run them: an ordinary user is not refused in each cycle anew.
  let hasPrograms = sudo || process.getuid?.() === 0;
  return gathering(zfs, async (commands) => {
    const done = hasPrograms ? await runTogether(commands, sudo, tether) : undefined;
    hasPrograms = done !== undefined;
    const left = commands.filter((command) => done?.has(command) !== true);
    const answers = await runEach(left, sudo, tether);
    return commands.map((command) => answers[left.indexOf(command)] ?? quiet);
  });
};
