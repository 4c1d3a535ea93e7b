import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Background } from './background.ts';
import type { Host } from './host.ts';
import { checksums, guid, snapshots, underCron, unused } from './pair.ts';
import { sh } from './quote.ts';
import type { Result } from './result.ts';

/** A source, a target and the host that zferry runs on, wherever each of them is. */
export interface Direction {
  readonly runner: Host;
  readonly from: Host;
  readonly to: Host;
  readonly source: string;
  readonly target: string;
  /** Both as a command line of the runner has them. */
  readonly places: readonly [source: string, target: string];
  readonly log: string;
}

/** How the runner calls a host by name; itself it does not call at all. */
type Called = (dataset: string) => string;

export const here: Called = (dataset) => dataset;

export const by =
  (name: string): Called =>
  (dataset) =>
    `${name}:${dataset}`;

/** A direction whose source is made, with a few files in it. `pool` is where the target is to be. */
export const direction = async (
  runner: Host,
  [from, fromCalled]: readonly [Host, Called],
  [to, toCalled]: readonly [Host, Called],
  pool = to.pool,
): Promise<Direction> => {
  const source = unused(from);
  const target = `${pool}/${unused(to).split('/').at(-1)}`;
  const log = `/var/log/zferry-test-${randomBytes(4).toString('hex')}.log`;
  await from.ok(sh`zfs create ${source}`);
  const made = { runner, from, to, source, target, log };
  const all = { ...made, places: [fromCalled(source), toCalled(target)] as const };
  await writeMore(all, 1);
  return all;
};

/** Adds so many MiB of data that no compressor makes smaller. */
export const writeMore = async ({ from, source }: Direction, mebibytes: number): Promise<void> => {
  await from.ok(sh`head -c ${mebibytes * 2 ** 20} /dev/urandom >>/${source}/data`);
};

const command = ({ places, log }: Direction, words: readonly string[], tools?: string): string => {
  const [verb = '', ...options] = words;
  return underCron([verb, ...places, ...options, '--log', log], tools);
};

/** Runs a verb with options, as cron would. */
export const zferry = (one: Direction, words: readonly string[], tools?: string): Promise<Result> =>
  one.runner.run(command(one, words, tools), { timeout: 100_000 });

/** The same, and goes on. */
export const starts = (one: Direction, words: readonly string[]): Background =>
  one.runner.start(command(one, words));

/** The lines of its log. */
export const logged = async ({ runner, log }: Direction): Promise<readonly string[]> =>
  (await runner.ok(sh`cat ${log} 2>/dev/null || true`)).split('\n').filter(Boolean);

/** The newest snapshot of both, which must be one and the same, with the same files. */
export const isCurrent = async ({ from, to, source, target }: Direction): Promise<string> => {
  const label = (await snapshots(from, source)).at(-1);
  if (label === undefined) throw new Error(`${source} has no snapshot`);
  const of = async (host: Host, dataset: string) => ({
    newest: (await snapshots(host, dataset)).at(-1),
    guid: await guid(host, `${dataset}@${label}`),
    files: await checksums(host, dataset, label),
  });
  const sent = await of(from, source);
  expect(sent.files).not.toBe('');
  expect(await of(to, target)).toEqual(sent);
  return label;
};

export const remove = async ({ from, to, source, target, runner, log }: Direction) => {
  await from.run(sh`zfs destroy -R ${source}`);
  await to.run(sh`zfs destroy -R ${target}`);
  await runner.run(sh`rm -f ${log}`);
};
