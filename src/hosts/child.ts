import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import process from 'node:process';
import { childEnvironment, isInstalled } from './environment.ts';
import { lineSplitter } from './lines.ts';
import type { RemoteHost } from './place.ts';
import { type Tether, timeProcess } from './tether.ts';

/** How a long-running process ended. */
export interface Ending {
  readonly program: string;
  /** 0 to 255; undefined when a signal ended it or it never started. */
  readonly exitCode: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** What it said on standard error, without what `onLine` took. */
  readonly said: readonly string[];
  /** Where it led, for a connection that broke off before what it led to had ended. */
  readonly host?: RemoteHost;
}

/** A process that runs as long as a transfer does. */
export interface Child {
  readonly process: ChildProcess;
  readonly ended: Promise<Ending>;
  /** Sends it a signal; all of its process group where it leads one. */
  readonly kill: (signal: NodeJS.Signals) => void;
}

/** A stage that prints endlessly must not fill the memory. */
const mostLines = 200;
const graceAfterTerm = 3_000;
/** What waits for a suspended pool outlives even SIGKILL; it is named, and no longer waited for. */
const graceAfterKill = 10_000;
/** A descendant (a ProxyCommand, say) may keep standard error open after the process itself is gone. */
const graceForOutput = 1_000;

/**
 * prctl(2)'s parent death signal, so that kill -9 of zferry ends its children; setpriv comes with
 * util-linux. Without it they end when the pipe that they write to breaks.
 */
export const tied = (argv: readonly [string, ...string[]]): readonly [string, ...string[]] =>
  isInstalled('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--', ...argv] : argv;

const collectLines = (
  child: ChildProcess,
  onLine: (line: string) => boolean,
): { readonly lines: string[]; flush: () => void } => {
  const lines: string[] = [];
  const { take, flush } = lineSplitter((line) => {
    if (line !== '' && !onLine(line) && lines.length < mostLines) lines.push(line);
  });
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', take);
  return { lines, flush };
};

const killer =
  (child: ChildProcess, leads: boolean) =>
  (signal: NodeJS.Signals): void => {
    if (!leads || child.pid === undefined) {
      child.kill(signal);
      return;
    }
    try {
      process.kill(-child.pid, signal);
    } catch {
      // All of them are gone already, or belong to root by way of sudo: these end with their input.
    }
  };

const killWhenAborted = (
  kill: Child['kill'],
  signal: AbortSignal,
  onOutlived: () => void,
): (() => void) => {
  let force: NodeJS.Timeout | undefined;
  let outlived: NodeJS.Timeout | undefined;
  const onAbort = () => {
    kill('SIGTERM');
    // A stopped process takes no SIGTERM until it goes on.
    force = setTimeout(() => kill('SIGKILL'), graceAfterTerm);
    outlived = setTimeout(onOutlived, graceAfterTerm + graceAfterKill);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(force);
    clearTimeout(outlived);
    signal.removeEventListener('abort', onAbort);
  };
};

/** What a child may need beside its descriptors. */
interface ChildOptions {
  /** Answers true for a line of its standard error that it has dealt with. */
  readonly onLine?: ((line: string) => boolean) | undefined;
  /** The folder that it starts in; this process's own unless given. */
  readonly folder?: string | undefined;
  /**
   * For a shell with children of its own: it leads a process group, by which all are signalled, and has the
   * descriptors 3 and 4 to itself, as over ssh; the locks stand behind them.
   */
  readonly leads?: boolean;
  /** What it is to read, where its standard input is a pipe of its own. */
  readonly input?: string | undefined;
}

/**
 * Starts a process that ends with zferry. Its standard error is read line by line. Node's own spawn and not
 * execa, because here the processes are joined by descriptors, and a process that outlives its killing must not
 * be waited for.
 */
export const startChild = (
  argv: readonly [string, ...string[]],
  stdio: readonly [StdioPart, StdioPart],
  tether: Tether,
  { onLine = () => false, folder, leads = false, input }: ChildOptions = {},
): Child => {
  const [file, ...parameters] = tied(argv);
  const [program] = argv;
  const traceEnd = timeProcess(tether, argv);
  const child = spawn(file, parameters, {
    env: childEnvironment(),
    cwd: folder,
    detached: leads,
    stdio: [
      ...stdio,
      'pipe',
      ...(leads ? ['ignore', 'ignore'] : []),
      ...tether.locks,
    ] as StdioOptions,
  });
  if (input !== undefined) {
    // One that ends before it has read all of it says why in its own way.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  }
  const kill = killer(child, leads);
  const stderr = collectLines(child, onLine);
  const { promise, resolve } = Promise.withResolvers<Ending>();
  const end = (exitCode: number | undefined, signal: NodeJS.Signals | undefined) => {
    release();
    stderr.flush();
    resolve({ program, exitCode, signal, said: stderr.lines });
  };
  const release = killWhenAborted(kill, tether.signal, () => {
    stderr.lines.push(`'${argv.join(' ')}' (pid ${child.pid}) does not end, not even when killed`);
    end(undefined, undefined);
  });
  child.once('error', (error) => {
    stderr.lines.push(error.message);
    if (child.pid === undefined) end(undefined, undefined);
  });
  child.once('exit', (code, signal) => {
    traceEnd(code ?? signal ?? 'no end');
    const finish = () => end(code ?? undefined, signal ?? undefined);
    const late = setTimeout(finish, graceForOutput);
    child.once('close', () => {
      clearTimeout(late);
      finish();
    });
  });
  return { process: child, ended: promise, kill };
};

/** A number is a descriptor of this process that the child gets. */
type StdioPart = 'ignore' | 'pipe' | number;
