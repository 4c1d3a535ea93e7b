import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { change } from './support/change.ts';
import { dst, type Host, src } from './support/host.ts';
import {
  bookmarks,
  freshPair,
  type Pair,
  pairOf,
  primedPair,
  snapshots,
  stateOf,
  unused,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { follow, refusalOf, verdictOf } from './support/refusal.ts';
import { replicates } from './support/resumption.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const destroyAll = async (host: Host, dataset: string, kind: 'snapshot' | 'bookmark') => {
  await host.ok(
    sh`zfs list -H -d 1 -t ${kind} -o name ${dataset} | while read -r name; do zfs destroy "$name"; done`,
  );
};

describe('a source', () => {
  test('that is gone while its replica is there is a case for a person', async () => {
    pair = await primedPair();
    await src.ok(sh`zfs destroy -r ${pair.source}`);

    expect(await refusalOf(pair, pair.cycle)).toEqual({
      exitCode: 3,
      error: `${pair.source} does not exist on this host`,
      hint: `see what there is: zfs list -r ${src.pool}`,
    });
  });

  test('that was mistyped is called missing, not unprimed', async () => {
    pair = pairOf();
    for (const act of [pair.cycle, pair.prime]) {
      expect(await refusalOf(pair, act)).toEqual({
        exitCode: 3,
        error: `${pair.source} does not exist on this host`,
        hint: `see what there is: zfs list -r ${src.pool}`,
      });
    }
  });
});

describe('a target', () => {
  test('that is not there gets no full send from a cycle', async () => {
    pair = await freshPair();
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst does not exist: this pair is not primed, or the target was destroyed or renamed`,
    });
    expect(hint).toBe(`make the first full send: zferry prime ${pair.source} ${pair.place}`);
    await follow(hint);
    await replicates(pair);
  });

  test('whose parent is missing is not primed', async () => {
    const parent = `${unused(dst)}-parent`;
    pair = await freshPair(undefined, `${parent}/nested/replica`);
    onTestFinished(async () => void (await dst.run(sh`zfs destroy -r ${parent}`)));
    const { hint, ...said } = await refusalOf(pair, pair.prime);

    expect(said).toEqual({
      exitCode: 3,
      error: `the parent dataset ${parent}/nested does not exist on dst`,
    });
    await follow(hint);
    expect(await pair.prime()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    await replicates(pair);
  });

  test('that exists but was never received is left alone', async () => {
    pair = await freshPair();
    await dst.ok(sh`zfs create -o readonly=on ${pair.target}`);
    const error = `${pair.target} on dst has no snapshots: it was made by something else than zferry prime`;
    expect(await refusalOf(pair, pair.cycle)).toMatchObject({ exitCode: 3, error });
    const { hint, ...said } = await refusalOf(pair, pair.prime);

    expect(said).toEqual({ exitCode: 3, error });
    await follow(hint);
    expect(await pair.prime()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('that is writable is refused until it is read-only', async () => {
    pair = await primedPair();
    await dst.ok(sh`zfs set readonly=off ${pair.target}`);
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({ exitCode: 3, error: `${pair.target} on dst is writable` });
    await follow(hint);
    await replicates(pair);
  });

  test('that was changed since its base is not rolled back unasked', async () => {
    pair = await primedPair();
    const [base] = await snapshots(dst, pair.target);
    await change(pair);
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst was changed after its snapshot @${String(base)}`,
    });
    await follow(hint);
    await replicates(pair);
  });

  test('that was changed and then snapshotted refuses the stream itself, which leaves nothing behind', async () => {
    pair = await primedPair();
    const [base] = await snapshots(dst, pair.target);
    await change(pair);
    await dst.ok(sh`zfs snapshot ${`${pair.target}@by-somebody`}`);
    await writeFiles(pair.source, 'second');
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst was changed after its snapshot @${String(base)}`,
    });
    await follow(hint);
    await replicates(pair);
    expect(await bookmarks(pair.source)).toHaveLength(1);
  });
});

describe('two sides without a common snapshot', () => {
  test('are not joined by a second full send', async () => {
    pair = await primedPair();
    await destroyAll(src, pair.source, 'snapshot');
    await destroyAll(src, pair.source, 'bookmark');
    const [old] = await snapshots(dst, pair.target);
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.source} and ${pair.target} on dst have no common snapshot`,
    });
    await follow(hint);
    expect(await snapshots(dst, pair.target)).toEqual([expect.not.stringContaining(String(old))]);
    await replicates(pair);
  });

  test('are told apart by guid where a snapshot has the same name on both', async () => {
    pair = await freshPair();
    await dst.ok(sh`zfs create ${pair.target}`);
    await dst.ok(sh`zfs snapshot ${`${pair.target}@daily`} && zfs set readonly=on ${pair.target}`);
    await src.ok(sh`zfs snapshot ${`${pair.source}@daily`}`);

    expect(await refusalOf(pair, pair.cycle)).toMatchObject({
      exitCode: 3,
      error: `${pair.source} and ${pair.target} on dst have no common snapshot (@daily is on both, but it is not the same snapshot: the guids differ)`,
    });
  });
});

describe('a partial receive of somebody else', () => {
  const foreign = `${src.pool}/foreign-source`;
  /** Half a stream of another dataset, received into the target. */
  const receiveHalf = async (send: string) => {
    await src.run(
      sh`zfs send ${foreign} | head -c 700000 | ssh dst zfs receive -s -u ${pair.target}`.replace(
        sh`send ${foreign}`,
        send,
      ),
    );
    expect(await stateOf(dst, pair.target)).toMatch(/\t1-[0-9a-f]+-/);
  };

  test('into a replica is given up only when a person says so', async () => {
    pair = await primedPair();
    onTestFinished(async () => void (await src.run(sh`zfs destroy -r ${foreign}`)));
    // The other source has the replica's snapshot too: it was received from it
    await src.ok(
      sh`ssh dst zfs send ${`${pair.target}@${String((await snapshots(dst, pair.target))[0])}`} | zfs receive ${foreign}`,
    );
    await writeFiles(foreign, 'foreign');
    await src.ok(sh`zfs snapshot ${`${foreign}@new`}`);
    const [base] = await snapshots(src, foreign);
    await receiveHalf(sh`send -i ${`@${String(base)}`} ${`${foreign}@new`}`);
    const { hint, ...said } = await refusalOf(pair, pair.cycle);

    expect(said).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst has a partial receive of ${foreign}@new, which is not of this source`,
    });
    await follow(hint);
    await replicates(pair);
  });

  test('that made the target is destroyed only when a person says so', async () => {
    pair = await freshPair();
    onTestFinished(async () => void (await src.run(sh`zfs destroy -r ${foreign}`)));
    await src.ok(sh`zfs create ${foreign}`);
    await writeFiles(foreign, 'foreign');
    await src.ok(sh`zfs snapshot ${`${foreign}@new`}`);
    await receiveHalf(sh`send ${`${foreign}@new`}`);
    await dst.ok(sh`zfs set readonly=on ${pair.target}`);
    for (const act of [pair.cycle, pair.prime]) {
      expect(await refusalOf(pair, act)).toMatchObject({
        exitCode: 3,
        error: `${pair.target} on dst has a partial receive of ${foreign}@new, which cannot be continued`,
      });
    }
    const { hint } = verdictOf(await pair.prime());
    await follow(hint);
    await replicates(pair);
  });
});
