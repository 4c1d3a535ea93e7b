import { failure, type ZferryError } from '../errors.ts';
import { run } from './command.ts';
import type { Completed } from './completed.ts';
import type { Host, RemoteHost } from './place.ts';
import { sshCommand } from './ssh.ts';
import { sshFailure } from './ssh-failure.ts';
import { readSshSettings } from './ssh-settings.ts';
import type { Tether } from './tether.ts';
import { quoted } from './words.ts';

/**
 * A fixed POSIX sh program that asks a host something, for here and there alike. The rules of the agent's program
 * hold: no single quote, backslash, `!` or line break, and its parameters only ever expanded inside quotes.
 */
export interface Questions {
  /** Begins its answer; one word. */
  readonly name: string;
  readonly lines: readonly string[];
}

/** What comes before every such program: messages in English, sbin on the PATH, the marker line. */
export const programOf = ({ name, lines }: Questions): string =>
  [
    'LC_ALL=C; export LC_ALL;',
    'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH; set -f;',
    // The empty line ends whatever the login printed without a line break of its own.
    `echo; echo ${name} 1;`,
    ...lines,
    'echo end',
  ].join(' ');

/** The lines between the marker and the end; undefined where the program did not come to its end. */
const answerIn = ({ name }: Questions, { stdout }: Completed): readonly string[] | undefined => {
  const lines = stdout.split('\n');
  const begin = lines.indexOf(`${name} 1`);
  return begin !== -1 && lines.at(-1) === 'end' ? lines.slice(begin + 1, -1) : undefined;
};

/** How the questions get to another host. */
export interface Way {
  readonly sshOptions: readonly string[];
  /** Makes ssh say what it does (`ssh -v`). */
  readonly verbose?: boolean;
}

/** The lines of ssh itself, without what `-v` adds. */
const complaints = (stderr: string): readonly string[] =>
  stderr
    .split(/\r?\n/)
    .filter(
      (line) =>
        line !== '' &&
        !/^(debug[123]: |Authenticated to |Transferred: |Bytes per second: |OpenSSH_)/.test(line),
    );

const sshArguments = (
  host: RemoteHost,
  command: string,
  { sshOptions, verbose = false }: Way,
): readonly [string, ...string[]] => {
  const [ssh, ...others] = sshCommand(host, command, readSshSettings(host), sshOptions);
  return [ssh, ...(verbose ? ['-v'] : []), ...others];
};

/** What a host answered. */
export interface Answer {
  /** The lines that the program printed; none where there is a problem. */
  readonly lines: readonly string[];
  /** Standard error, line by line: with `verbose` what ssh did. */
  readonly trace: readonly string[];
  /** Why nobody answered, in ssh's words. */
  readonly problem: ZferryError | undefined;
}

const problemOf = (host: Host, { exitCode, stderr }: Completed): ZferryError => {
  const said = complaints(stderr);
  return host.kind === 'here'
    ? failure(said.at(-1) ?? `sh ended with ${exitCode}`)
    : sshFailure(host, { program: 'ssh', exitCode, signal: undefined, said });
};

/** Asks a host: this one, or another over one ssh session. Throws as `run` does. */
export const askHost = async (
  host: Host,
  questions: Questions,
  parameters: readonly string[],
  way: Way,
  tether: Tether,
): Promise<Answer> => {
  const words = [programOf(questions), questions.name, ...parameters];
  const argv: readonly [string, ...string[]] =
    host.kind === 'here'
      ? ['sh', '-c', ...words]
      : sshArguments(host, `sh -c ${words.map(quoted).join(' ')}`, way);
  const completed = await run(argv, tether);
  // Beside -v ssh ends its lines as on a terminal.
  const trace = completed.stderr.split(/\r?\n/);
  const lines = answerIn(questions, completed);
  return lines === undefined
    ? { lines: [], trace, problem: problemOf(host, completed) }
    : { lines, trace, problem: undefined };
};
