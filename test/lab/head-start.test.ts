import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { lockFilesOf, nextSecond } from './support/looks.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  type Pair,
  primedPair,
  snapshots,
  stateOf,
  underCron,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { refusalOf, verdictOf } from './support/refusal.ts';
import { isTidy } from './support/tidy.ts';
import { wrapTools } from './support/tools.ts';

let pair: Pair;
beforeEach(async () => {
  pair = await primedPair();
  await writeFiles(pair.source, 'more');
});
afterEach(async () => pair.remove());

const words = (): readonly string[] => [pair.source, pair.place, '--log', pair.log];

/** True once a second bookmark is there: the new snapshot's, when everything here is ready. */
const isReady = () =>
  sh`test "$(/usr/sbin/zfs list -H -d 1 -t bookmark -o name ${pair.source} | wc -l)" = 2`;

/** An ssh that connects only when that is so, and gives up after 20 s. */
const patientSsh = () =>
  `n=0; until ${isReady()}; do n=$((n + 1)); [ $n -lt 200 ] || exit 255; sleep 0.1; done`;

/** What zfs is asked for by one run. */
const verbs = async (line: readonly string[]) => {
  const tools = await wrapTools({ zfs: 'echo "$1" >>"${0%/*}/calls"' });
  await nextSecond();
  const result = await src.run(underCron(line, tools));
  const calls = await src.ok(sh`cat ${`${tools}/calls`} 2>/dev/null || true`);
  return { result, calls: calls.split('\n').filter(Boolean) };
};

describe('while ssh connects', () => {
  test('the source makes its snapshot and bookmark', async () => {
    const tools = await wrapTools({ ssh: patientSsh() });
    expect(await src.run(underCron(words(), tools))).toEqual(silentSuccess);
    await isTidy(pair);
  });

  test('nothing is made where the run before did not succeed, or left no word', async () => {
    for (const file of await lockFilesOf(pair)) await src.ok(sh`rm ${file}`);
    const tools = await wrapTools({ ssh: `sleep 3; ! ${isReady()} || exit 255` });
    expect(await src.run(underCron(words(), tools))).toEqual(silentSuccess);
    await isTidy(pair);
  });
});

describe('what was begun is taken back', () => {
  test('when the target does not answer, and not begun again until it does', async () => {
    const unreachable = [...words(), '--ssh-option', 'Port=1'];
    const before = await stateOf(src, pair.source);
    const first = await verbs(unreachable);
    expect(verdictOf(first.result).exitCode).toBe(1);
    expect(first.calls).toEqual(['snapshot', 'bookmark', 'list', 'destroy', 'destroy']);
    expect(await stateOf(src, pair.source)).toBe(before);

    const second = await verbs(unreachable);
    expect(verdictOf(second.result).exitCode).toBe(1);
    expect(second.calls).toEqual([]);

    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });

  test('when the target has to be decided about', async () => {
    await dst.ok(sh`zfs set readonly=off ${pair.target}`);
    expect(await refusalOf(pair, pair.cycle)).toMatchObject({ exitCode: 3 });
    await dst.ok(sh`zfs set readonly=on ${pair.target}`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });

  test('when it was for another target', async () => {
    const files = await lockFilesOf(pair);
    const word = 's/"remembered":"[^"]*"/"remembered":"0123456789"/';
    for (const file of files) await src.ok(sh`sed -i ${word} ${file}`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
    for (const file of files) expect(await src.ok(sh`cat ${file}`)).not.toContain('0123456789');
  });

  test('when the run is ended before the target has answered', async () => {
    const before = await stateOf(src, pair.source);
    const tools = await wrapTools({ ssh: 'sleep 60' });
    const run = src.start(underCron(words(), tools));
    await src.until(isReady());
    await src.ok(sh`pkill -TERM -f ${`^/usr/local/bin/zferry .*${pair.source}`}`);
    expect(verdictOf(await run.done)).toMatchObject({
      exitCode: 1,
      error: 'interrupted by SIGTERM',
    });
    expect(await stateOf(src, pair.source)).toBe(before);
  });

  test('by the next cycle, when the run was killed', async () => {
    const tools = await wrapTools({ ssh: 'sleep 60' });
    const run = src.start(underCron(words(), tools));
    await src.until(isReady());
    await run.signal('KILL');
    await run.done;
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });
});

describe('of a tree', () => {
  const child = () => `${pair.source}/child`;
  const treeWords = () => ['-r', ...words()];

  /** True once all of the tree has a second snapshot. */
  const isBegun = () =>
    sh`test "$(/usr/sbin/zfs list -H -r -t snapshot -o name ${pair.source} | wc -l)" = 4`;
  const waiting = () =>
    `n=0; until ${isBegun()}; do n=$((n + 1)); [ $n -lt 200 ] || exit 255; sleep 0.1; done`;

  const isCurrent = async () => {
    const [here, there] = await Promise.all([
      snapshots(src, child()),
      snapshots(dst, `${pair.target}/child`),
    ]);
    expect(here).toHaveLength(1);
    expect(there).toEqual(here);
    await isTidy(pair);
  };

  beforeEach(async () => {
    await src.ok(sh`zfs create ${child()}`);
    expect(await src.run(underCron(treeWords()))).toEqual(silentSuccess);
    await writeFiles(child(), 'more');
  });

  test('the snapshot is made while ssh connects, and taken back where the target does not answer', async () => {
    const tools = await wrapTools({ ssh: waiting() });
    expect(await src.run(underCron(treeWords(), tools))).toEqual(silentSuccess);
    await isCurrent();

    const unreachable = [...treeWords(), '--ssh-option', 'Port=1'];
    const before = await stateOf(src, pair.source);
    for (const calls of [['snapshot', 'list', 'program'], []]) {
      const seen = await verbs(unreachable);
      expect(verdictOf(seen.result).exitCode).toBe(1);
      expect(seen.calls).toEqual(calls);
      expect(await stateOf(src, pair.source)).toBe(before);
    }
    expect(await src.run(underCron(treeWords()))).toEqual(silentSuccess);
    await isCurrent();
  });

  test('it goes by the next cycle, when the run was killed', async () => {
    const tools = await wrapTools({ ssh: 'sleep 60' });
    const run = src.start(underCron(treeWords(), tools));
    await src.until(isBegun());
    await run.signal('KILL');
    await run.done;
    expect(await src.run(underCron(treeWords()))).toEqual(silentSuccess);
    await isCurrent();
  });
});
