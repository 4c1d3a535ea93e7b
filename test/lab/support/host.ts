import { type Background, startInBackground } from './background.ts';
import { lab, NAMESPACE } from './lab.ts';
import { OWN, STATE } from './labs.ts';
import { quote, sh } from './quote.ts';
import type { Result } from './result.ts';
import { type RunOptions, ssh } from './ssh.ts';

/** A real host with real OpenZFS; commands run there as root. */
export interface Host {
  readonly name: string;
  /** On the wire, which tests cut; commands come by another way. */
  readonly address: string;
  /** The pool of its own. The hosts' may have one name or two: one kernel has one of each name. */
  readonly pool: string;
  /** Where files can be that are vdevs of further pools. */
  readonly vdevs: string;
  /** Runs a shell command; does not throw when it fails. */
  readonly run: (command: string, options?: RunOptions) => Promise<Result>;
  /** Its standard output, trimmed; throws when the command fails. */
  readonly ok: (command: string, options?: RunOptions) => Promise<string>;
  /** Starts a command and goes on. */
  readonly start: (command: string, options?: RunOptions) => Background;
  /** Waits until the command succeeds; throws when it has not within the time limit. */
  readonly until: (command: string, timeout?: number) => Promise<void>;
  readonly write: (path: string, content: string) => Promise<void>;
  /** Cuts its power. */
  readonly unplug: () => Promise<void>;
  /** Power on again, same disks; returns when its pools are imported. */
  readonly boot: () => Promise<void>;
}

const makeHost = (name: string, address: string): Host => {
  const run = async (command: string, options?: RunOptions) => ssh(name, command, options);

  const ok = async (command: string, options?: RunOptions) => {
    const { stdout, stderr, exitCode } = await run(command, options);
    if (exitCode !== 0) {
      throw new Error(`${name}: ${command}\nexit code ${String(exitCode)}: ${stderr.trim()}`);
    }
    return stdout.trim();
  };

  return {
    name,
    address,
    pool: OWN ? `${NAMESPACE}-${name}` : 'tank',
    vdevs: OWN ? `${STATE}/pools` : '/var/tmp',
    run,
    ok,
    start: (command, options = {}) => startInBackground(name, command, options),
    until: async (command, timeout = 30_000) => {
      // The host itself repeats it: one connection, and no wait between two machines
      const loop = `until sh -c ${quote(command)} >/dev/null 2>&1; do sleep 0.05; done`;
      // There it must end too: what goes on asking would be in the way of every later test
      const seconds = timeout / 1_000;
      await ok(sh`timeout ${seconds} sh -c ${loop}`, { timeout: timeout + 30_000 });
    },
    write: async (path, content) => {
      const file = quote(path);
      // Synced: a test that goes on to cut the power means to keep it
      await ok(`mkdir -p "$(dirname ${file})" && cat >${file} && sync ${file}`, {
        input: content,
      });
    },
    unplug: async () => lab('unplug', name),
    boot: async () => lab('boot', name),
  };
};

export const src = makeHost('src', '10.99.1.1');
export const dst = makeHost('dst', '10.99.1.2');
