import { run } from './command.ts';
import { CommandShell } from './command-shell.ts';
import type { Starter } from './tether.ts';

const begins = (locks: readonly number[], wanted: readonly number[]): boolean =>
  wanted.every((descriptor, index) => locks[index] === descriptor);

/**
 * One run's starter of short commands: a shell that is started with the first of them. fork(2) copies what a process has
 * mapped, and this one has mapped a lot; a shell does it for little. Whoever asks while another command runs, or for locks that the
 * shell does not have, is served too, only not as cheaply.
 */
export const newStarter = (): Starter => {
  let shell: CommandShell | undefined;
  let closing: Promise<unknown> = Promise.resolve();
  const close = async (): Promise<void> => {
    closing = Promise.all([closing, shell?.close()]);
    shell = undefined;
    await closing;
  };
  const shellWith = (locks: readonly number[]): CommandShell => {
    if (shell?.isOpen === true && begins(shell.locks, locks)) return shell;
    void close();
    shell = new CommandShell(locks);
    return shell;
  };
  return {
    run: async (argv, tether) => {
      // A line break ends a word there.
      const isPlain = argv.some((word) => word.includes('\n')) || shell?.isBusy === true;
      return await (isPlain ? run(argv, tether) : shellWith(tether.locks).run(argv, tether));
    },
    forget: async (descriptor) => {
      if (shell?.locks.includes(descriptor) === true) await close();
    },
    close,
  };
};
