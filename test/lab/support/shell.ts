import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { quote } from './quote.ts';
import type { Result } from './result.ts';

/** Runs a command as a shell of its own would, and says behind both outputs that this was all. */
const prelude = String.raw`one() { (eval "$1") </dev/null; printf '\n%s %d\n' "$2" $?; printf '\n%s\n' "$2" >&2; }`;

/**
 * A shell that runs one command after the other: a session of ssh for each, with a shell of its own, would take longer
 * than most of the commands, of which there are thousands.
 */
export class Shell {
  readonly #child;
  #stdout = '';
  #stderr = '';
  #look = (): void => undefined;

  /** The command that starts it. */
  constructor([program, ...words]: readonly [string, ...string[]]) {
    this.#child = spawn(program, words, { stdio: 'pipe' });
    const { stdin, stdout, stderr } = this.#child;
    stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#look();
    });
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#look();
    });
    this.#child.on('close', () => this.#look());
    this.#child.on('error', () => this.#look());
    // A host that goes away takes its shells along: that is found out by who waits for an answer
    stdin.on('error', () => undefined);
    stdin.write(`${prelude}\n`);
    // Whoever waits for a command has a timer; nobody waits for an idle shell
    for (const each of [this.#child, stdin, stdout, stderr] as { unref: () => void }[])
      each.unref();
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Answers undefined where the command does not end in time (milliseconds), and 255, as ssh does, where the shell ends before it. */
  async run(command: string, timeout: number): Promise<Result | undefined> {
    const mark = randomUUID();
    this.#stdout = '';
    this.#stderr = '';
    const { promise, resolve } = Promise.withResolvers<Result | undefined>();
    this.#look = () => {
      const [out, err] = [this.#stdout.indexOf(`\n${mark} `), this.#stderr.indexOf(`\n${mark}\n`)];
      const code = /^ (\d+)\n/.exec(
        out === -1 ? '' : this.#stdout.slice(out + 1 + mark.length),
      )?.[1];
      if (code !== undefined && err !== -1) {
        resolve({
          stdout: this.#stdout.slice(0, out),
          stderr: this.#stderr.slice(0, err),
          exitCode: Number(code),
        });
      } else if (!this.isOpen) {
        resolve({ stdout: this.#stdout, stderr: this.#stderr, exitCode: 255 });
      }
    };
    const late = setTimeout(() => {
      this.#child.kill();
      resolve(undefined);
    }, timeout);
    this.#child.stdin.write(`one ${quote(command)} ${mark}\n`);
    return await promise.finally(() => clearTimeout(late));
  }
}
