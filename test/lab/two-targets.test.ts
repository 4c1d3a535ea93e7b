import { afterAll, beforeAll, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  pairOf,
  snapshots,
  underCron,
  unused,
  writeBigFile,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';
import { secondSshd } from './support/sshd.ts';

/**
 * How often the host of one target is away. Each such cycle begins with what the one before has left, and what it leaves is
 * counted: more of them would begin and end no otherwise. A cycle uses nothing but the last one's leavings, which
 * are two snapshots and two bookmarks at most.
 */
const cyclesAway = 15;

/** One source and two targets, each on a host of its own as far as ssh can tell; `far` comes and goes. */
let near: Pair;
let far: Pair;
const places = () => ({ near: `near:${near.target}`, far: `far:${far.target}` });

const config = '/root/.ssh/config';
const sshd = secondSshd(2222);

beforeAll(async () => {
  near = await freshPair(undefined, unused(dst));
  far = { ...pairOf(near.source, unused(dst)), log: near.log };
  const host = 'HostName 10.99.1.2\nHostKeyAlias dst\n';
  await src.write(config, `Host near\n${host}Host far\nPort 2222\n${host}`);
  await sshd.starts();
});
afterAll(async () => {
  await Promise.all([src.run(sh`rm -f ${config}`), sshd.ends()]);
  await far.remove();
  await near.remove();
});

const command = (verb: string, place: string, ...options: readonly string[]): string =>
  underCron([verb, near.source, place, '--log', near.log, ...options]);
const run = (verb: string, place: string, ...options: readonly string[]) =>
  src.run(command(verb, place, ...options), { timeout: 100_000 });

/** One cycle for each, in turn. */
const bothCycle = async (): Promise<void> => {
  for (const place of Object.values(places())) {
    await writeFiles(near.source, 'more');
    expect(await run('run', place)).toEqual(silentSuccess);
  }
};

/** What the source keeps for two targets that are current: for each the snapshot it has, and its bookmark. */
const isSteady = async (): Promise<void> => {
  const [forNear, forFar] = [await newestEqual(near), await newestEqual(far)];
  expect(await snapshots(src, near.source)).toEqual([forNear, forFar]);
  expect(await bookmarks(near.source)).toHaveLength(2);
  expect(await snapshots(dst, near.target)).toEqual([forNear]);
  expect(await snapshots(dst, far.target)).toEqual([forFar]);
};

test('two targets are kept current in turn, and the source keeps one snapshot and one bookmark for each', async () => {
  for (const place of Object.values(places())) {
    expect(await run('prime', place)).toEqual(silentSuccess);
  }
  await bothCycle();
  await isSteady();
});

test(`a target that was away for ${String(cyclesAway)} cycles is current after one, by an increment, and nothing is left`, async () => {
  await sshd.ends();
  const { near: here, far: away } = places();
  const { exitCode, stdout } = await src.run(
    `for n in $(seq ${String(cyclesAway)}); do
      echo $n >/${near.source}/count && head -c 20000 /dev/urandom >/${near.source}/random || exit 1
      ${command('run', here)} || exit 2
      ${command('run', away)} 2>/dev/null; [ $? = 1 ] || exit 3
      ${/* A target that is away costs no snapshots */ ''}[ $(zfs list -H -d 1 -t snapshot ${near.source} | wc -l) -le 2 ] || exit 4
      [ $(zfs list -H -d 1 -t bookmark ${near.source} | wc -l) = 2 ] || exit 5
    done; echo all`,
    { timeout: 900_000 },
  );
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'all\n' });
  expect(verdictOf(await run('run', away))).toMatchObject({ exitCode: 1 });

  await sshd.starts();
  expect(reportOf(await run('run', away, '--json'))).toMatchObject({
    kind: 'incremental',
    kept: [],
  });
  await bothCycle();
  await isSteady();
  const lines = await near.lines();
  expect(lines.filter((line) => / successfully\. full /.test(line))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('failed to replicate to far!'))).toHaveLength(
    cyclesAway + 1,
  );
}, 1_000_000);

test('while one target’s send is under way the other’s cycles go on and prune, and nothing is left', async () => {
  const { near: here, far: away } = places();
  await writeBigFile(near.source, 'big', 40);
  const slow = src.start(command('run', away, '--compress', 'none', '--rate', '1M'));
  await src.until(sh`pgrep -f ${`[z]fs send .*${near.source}@`}`);
  const busy = String((await snapshots(src, near.source)).at(-1));

  for (const file of ['first', 'second']) {
    await writeFiles(near.source, file);
    expect(reportOf(await run('run', here, '--json'))).toMatchObject({
      kind: 'incremental',
      kept: [],
    });
    const label = await newestEqual(near);
    expect(await snapshots(dst, near.target)).toEqual([label]);
    const kept = await snapshots(src, near.source);
    expect(kept).toContain(busy);
    expect(kept.length).toBeLessThanOrEqual(3);
  }
  await src.ok(sh`pgrep -f ${`[z]fs send .*${near.source}@`}`);
  expect(await slow.done).toMatchObject({ exitCode: 0, stderr: '' });
  await bothCycle();
  await isSteady();
});
