import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { cutShort, graceAfterKill, missing, outlived, tooLong } from './command.ts';
import type { Completed } from './completed.ts';
import { childEnvironment } from './environment.ts';
import { gather } from './marked-output.ts';
import { signalIn } from './shell-status.ts';
import { type Tether, timeProcess } from './tether.ts';

/**
 * Takes its mark from standard input, where no other user's ps finds it, and then commands: how many words, then each of them on a line of its own. A word is read into a
 * variable and expanded inside quotes. A line without its end is where zferry has died: it is no word any more.
 * Of each command it tells the process id on descriptor 3; behind the command's own output stand, on standard output and
 * standard error, a mark that no command can know, and how it ended. What a terminal sends to all of a run's processes ends
 * neither the shell nor a command, which zferry ends in its own time.
 */
export const commandsProgram = `
read -r mark
trap '' INT HUP QUIT
while read -r count; do
  set --
  while [ $count -gt 0 ]; do
    IFS= read -r word || exit 1
    set -- "$@" "$word"
    count=$((count - 1))
  done
  "$@" </dev/null 3>&- &
  echo $! >&3
  wait $!
  printf '\\n%s %s\\n' "$mark" $?
  printf '\\n%s \\n' "$mark" >&2
done`;

/** How long (milliseconds) the shell may take to see that nothing more comes. */
const graceAtClose = 1_000;

/** What sh ends with where there is no such program. */
const notFound = 127;

/** How a command ended; without a status where the shell itself went first. */
interface Finish {
  status?: number;
  stdout?: string;
  stderr?: string;
}

/** One command on its way. */
interface Current extends Finish {
  readonly finish: (how: Finish) => void;
  pid?: number;
  /** What it is to get as soon as its process id is known. */
  signal?: NodeJS.Signals;
}

const kill = (current: Current, signal: NodeJS.Signals): void => {
  current.signal = signal;
  if (current.pid === undefined) return;
  try {
    process.kill(current.pid, signal);
  } catch {
    // It has ended just now, or belongs to root by way of sudo.
  }
};

/** Ends a command when its run is to end, or it takes too long. */
const limit = (current: Current, { signal, stall }: Tether) => {
  let force: NodeJS.Timeout | undefined;
  let isLate = false;
  const end = () => {
    kill(current, 'SIGTERM');
    force ??= setTimeout(() => kill(current, 'SIGKILL'), graceAfterKill);
  };
  const late = setTimeout(() => {
    isLate = true;
    end();
  }, stall);
  signal.addEventListener('abort', end, { once: true });
  const stop = () => {
    clearTimeout(late);
    clearTimeout(force);
    signal.removeEventListener('abort', end);
  };
  return { stop, isLate: () => isLate };
};

/**
 * A shell that runs short commands, one at a time. It has the locks that it was given from descriptor
 * {@link firstLock} on, as each of its commands, and ends when this process closes it or is gone.
 */
export class CommandShell {
  readonly locks: readonly number[];
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #current: Current | undefined;
  #isOpen = true;

  constructor(locks: readonly number[]) {
    const mark = randomUUID();
    this.locks = locks;
    this.#child = spawn('sh', ['-c', commandsProgram, 'zferry-commands'], {
      env: childEnvironment(),
      // sudo -u and su may leave this process in a folder that its user cannot enter.
      cwd: '/',
      stdio: ['pipe', 'pipe', 'pipe', 'pipe', ...locks] as StdioOptions,
    });
    this.#listen(mark);
    this.#child.stdin?.write(`${mark}\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    const onEnd = () => {
      this.#isOpen = false;
      this.#current?.finish({});
      resolve();
    };
    this.#child.once('exit', onEnd);
    this.#child.once('error', onEnd);
  }

  /** False once it was closed, or has ended by itself. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** True while it runs a command. */
  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Runs a command whose words have no line break; answers and throws as `run` does. */
  async run(argv: readonly [string, ...string[]], tether: Tether): Promise<Completed> {
    tether.signal.throwIfAborted();
    const [program] = argv;
    const name = argv.join(' ');
    const traceEnd = timeProcess(tether, argv);
    const { promise, resolve } = Promise.withResolvers<Finish>();
    const current: Current = { finish: resolve };
    this.#current = current;
    this.#child.stdin?.write([argv.length, ...argv, ''].join('\n'));
    const { stop, isLate } = limit(current, tether);
    const survivor = outlived(name, tether, () => current.pid);
    const finish = await Promise.race([promise, survivor.promise]).finally(() => {
      survivor.stop();
      stop();
    });
    this.#current = undefined;
    const { status, stdout = '', stderr = '' } = finish;
    const signal = status === undefined ? undefined : signalIn(status);
    traceEnd(signal ?? status ?? 'no end');
    tether.signal.throwIfAborted();
    if (isLate()) throw tooLong(name, tether);
    if (status === notFound) throw missing(program);
    if (status === undefined) throw cutShort(program, 'the shell that started it has ended');
    if (signal !== undefined) throw cutShort(program, signal);
    return { exitCode: status, stdout, stderr };
  }

  /** Ends it, and with it its hold on the locks. A command that not even SIGKILL ended goes on without it. */
  async close(): Promise<void> {
    this.#isOpen = false;
    this.#child.stdin?.end();
    const force = setTimeout(() => this.#child.kill('SIGKILL'), graceAtClose);
    if (this.#current === undefined) await this.#ended;
    clearTimeout(force);
    for (const stream of this.#child.stdio) stream?.destroy();
    this.#child.unref();
  }

  #listen(mark: string): void {
    const { stdin, stdout, stderr, stdio } = this.#child;
    // A shell that is gone says so by its end.
    for (const stream of stdio) stream?.on('error', () => undefined);
    if (stdin === null || stdout === null || stderr === null) return;
    gather(stdout, mark, (text, status) => this.#hear({ stdout: text, status: Number(status) }));
    gather(stderr, mark, (text) => this.#hear({ stderr: text }));
    const [, , , control] = stdio;
    let begun = '';
    (control as Readable).setEncoding('utf8').on('data', (chunk: string) => {
      begun += chunk;
      const pid = /^([0-9]+)\n$/.exec(begun)?.[1];
      if (pid === undefined) return;
      begun = '';
      this.#hear({ pid: Number(pid) });
    });
  }

  /** A command has ended when both outputs have come to their mark, and its process id is known, which may come last. */
  #hear(part: Partial<Current>): void {
    const current = this.#current;
    if (current === undefined) return;
    Object.assign(current, part);
    const { pid, signal, status, stdout, stderr } = current;
    if (pid === undefined) return;
    if (stdout !== undefined && stderr !== undefined && status !== undefined) {
      current.finish({ status, stdout, stderr });
    } else if (part.pid !== undefined && signal !== undefined) {
      kill(current, signal);
    }
  }
}
