import { expect } from 'vitest';
import type { Background } from './background.ts';
import { dst, type Host, src } from './host.ts';
import { type Pair, property, snapshots, underCron, writeBigFile } from './pair.ts';
import { sh } from './quote.ts';
import { wrapTools } from './tools.ts';

/** An ssh that notices a dead wire in seconds. */
export const impatient = [
  ...['--ssh-option', 'ServerAliveInterval=1', '--ssh-option', 'ServerAliveCountMax=5'],
] as const;

/** A stream that lasts a while. */
const slowly = ['--compress', 'none', '--rate', '3M'] as const;

const MIB = 2 ** 20;

/** Writes a file of which a stream lasts a quarter of a minute in `inTheMiddle`: a busy machine is slow to look. */
export const writeLongStream = (dataset: string): Promise<void> => writeBigFile(dataset, 'big', 48);

/** Waits for what has to come while a command is at work; the command's end is an error. */
export const during = async (run: Background, coming: Promise<void>): Promise<void> => {
  const ended = run.done.then(({ stdout, stderr }) => {
    throw new Error(`it ended too early: ${stdout}${stderr}`);
  });
  // The race has it too; where that is over before, by a time-out of `coming` as well, how the run ends is for the test
  ended.catch(() => undefined);
  await Promise.race([coming, ended]);
};

/**
 * Waits until a dataset takes more than so many bytes of its host's pool. What `zfs receive` has of an increment counts:
 * it builds that in a hidden clone.
 */
export const untilReceived = (
  host: Host,
  target: string,
  bytes: number,
  timeout?: number,
): Promise<void> => {
  const [pool = ''] = target.split('/');
  const used = sh`zfs get -Hp -o value used ${target}`;
  return host.until(`zpool sync ${pool}; test "$(${used})" -gt ${bytes}`, timeout);
};

/** Starts a cycle (or `prime`) of a long stream, and returns in the middle of it. */
export const inTheMiddle = async (
  pair: Pair,
  verb: 'run' | 'prime',
  ...options: readonly string[]
): Promise<Background> => {
  const words = [verb, pair.source, pair.place, '--log', pair.log, ...slowly, ...options];
  // Before a first full send there is nothing
  const { stdout } = await dst.run(sh`zfs get -Hp -o value used ${pair.target}`);
  const run = src.start(underCron(words));
  await during(run, untilReceived(dst, pair.target, Number(stdout) + 7 * MIB));
  return run;
};

/** What a run had started goes soon after it, not at once: until then zfs calls its snapshots busy. */
export const nothingIsLeft = async (): Promise<void> => {
  await src.until('! pgrep -x ssh && ! pgrep -x zfs');
  await dst.until('! pgrep -x zfs');
};

/** zferry dies in the middle of such a stream, kill -9, and all that it had started goes after it, on both sides. */
export const diesInTheMiddle = async (
  pair: Pair,
  verb: 'run' | 'prime',
  ...options: readonly string[]
): Promise<void> => {
  const run = await inTheMiddle(pair, verb, ...options);
  await run.signal('KILL');
  await run.done;
  await nothingIsLeft();
};

/** Shell commands of a wrapped program: zferry, which may have started it by way of a shell, dies, kill -9. */
export const killZferry =
  'run=$PPID; until [ -z "$run" ] || [ "$(readlink /proc/$run/exe)" = /usr/local/bin/zferry ]; do run=$(sed -n "s/^PPid:\\t//p" /proc/$run/status); done; kill -KILL $run';

/** zferry (a verb and options, for this pair) dies, kill -9, when it would run the first zfs whose words match. */
export const diesBefore = async (
  pair: Pair,
  verb: readonly string[],
  words: string,
): Promise<void> => {
  const tools = await wrapTools({
    zfs: `case "$*" in ${words}) ${killZferry}; exit 1;; esac`,
  });
  const command = underCron([...verb, pair.source, pair.place, '--log', pair.log], tools);
  expect((await src.run(`${command}; exit $?`)).exitCode).toBe(137);
  await nothingIsLeft();
};

/** What the resume token says that the target has of the stream, in bytes. */
export const receivedBytes = async (pair: Pair): Promise<number> => {
  const token = await property(dst, pair.target, 'receive_resume_token');
  const { stdout, stderr } = await src.run(sh`zfs send -nvt ${token}`);
  const bytes = /\bbytes = (0x[0-9a-f]+)/.exec(stdout + stderr)?.[1];
  if (bytes === undefined) throw new Error(`no bytes in the token: ${stdout}${stderr}`);
  return Number(bytes);
};

/** How many bytes the whole stream of the source's newest snapshot has. */
export const streamBytes = async ({ source }: Pair, base?: string): Promise<number> => {
  const newest = `${source}@${String((await snapshots(src, source)).at(-1))}`;
  const from = base === undefined ? '' : sh`-i ${`${source}@${base}`}`;
  const said = await src.ok(`zfs send -nLP ${from} ${sh`${newest}`}`);
  return Number(/^size\t(\d+)$/m.exec(said)?.[1]);
};
