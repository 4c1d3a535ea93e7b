import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { change } from '../support/change.ts';
import { diagnosisOf } from '../support/diagnosis.ts';
import { dst, type Host, src } from '../support/host.ts';
import { diesInTheMiddle, writeLongStream } from '../support/interruption.ts';
import { useOldZfs } from '../support/old-zfs.ts';
import { silentSuccess } from '../support/outcome.ts';
import {
  type Pair,
  pairOf,
  primedPair,
  property,
  snapshots,
  writeBigFile,
  writeFiles,
} from '../support/pair.ts';
import { sh } from '../support/quote.ts';
import { follow, refusalOf, verdictOf } from '../support/refusal.ts';
import { reportOf } from '../support/report.ts';
import { isTidy } from '../support/tidy.ts';
import { makeUser, receiverAllow } from '../support/user.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** In the middle of an increment zferry dies. */
const interrupted = async (): Promise<void> => {
  await writeLongStream(pair.source);
  await diesInTheMiddle(pair, 'run');
};

describe.each<[string, readonly Host[]]>([
  ['the source', [src]],
  ['the target', [dst]],
  ['both sides', [src, dst]],
])('with the commands of OpenZFS 2.1 on %s', (_, old) => {
  beforeEach(async () => useOldZfs(old));

  test('a dataset is primed, cycled and pruned; what is held is kept until it is released', async () => {
    pair = await primedPair();
    const [base] = await snapshots(src, pair.source);
    for (const [host, dataset] of [
      [src, pair.source],
      [dst, pair.target],
    ] as const) {
      const name = `${dataset}@${String(base)}`;
      await host.ok(sh`zfs hold mine ${name}`);
      onTestFinished(async () => void (await host.run(sh`zfs release mine ${name}; true`)));
    }
    await writeFiles(pair.source, 'second');
    const { kind, kept } = reportOf(await pair.cycle('--json'));
    expect(kind).toBe('incremental');
    // 2.1 does not tell a hold from another use
    expect(kept).toEqual([
      `dst:${pair.target}@${String(base)}: it is ${old.includes(dst) ? 'in use' : 'held'}`,
      `${pair.source}@${String(base)}: it is ${old.includes(src) ? 'in use' : 'held'}`,
    ]);
    await src.ok(sh`zfs release mine ${`${pair.source}@${String(base)}`}`);
    await dst.ok(sh`zfs release mine ${`${pair.target}@${String(base)}`}`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);

    const [cloned] = await snapshots(dst, pair.target);
    await dst.ok(sh`zfs clone ${`${pair.target}@${String(cloned)}`} ${`${pair.target}-clone`}`);
    expect(reportOf(await pair.cycle('--json')).kept).toEqual([
      `dst:${pair.target}@${String(cloned)}: it has clones`,
    ]);
  });

  test('an interrupted increment is resumed, and one that zfs refuses to complete is sent anew', async () => {
    pair = await primedPair();
    await interrupted();
    expect(reportOf(await pair.cycle('--json'))).toMatchObject({ kind: 'resumed' });
    await isTidy(pair);

    await interrupted();
    await dst.ok(sh`zfs snapshot ${`${pair.target}@theirs`}`);
    expect(verdictOf(await pair.cycle())).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('kernel modules must be upgraded'),
    });
    expect(reportOf(await pair.cycle('--json'))).toMatchObject({ kind: 'incremental' });
    await isTidy(pair, 'theirs');
  });

  test('with auto a series is sent as it is stored, and goes on so after an interruption', async () => {
    pair = pairOf();
    await src.ok(sh`zfs create -o compression=lz4 ${pair.source}`);
    await src.ok(sh`seq 1000000 >/${pair.source}/numbers`);
    const auto = ['--compress', 'auto', '--json'] as const;
    const asStored = { compression: 'none', asStored: true };
    expect(reportOf(await pair.prime(...auto))).toMatchObject({ kind: 'full', ...asStored });
    await isTidy(pair);

    await writeLongStream(pair.source);
    await diesInTheMiddle(pair, 'run', '--compress', 'auto');
    expect(reportOf(await pair.cycle(...auto))).toMatchObject({ kind: 'resumed', ...asStored });
    await isTidy(pair);
  });
});

// What zfs says on one host does not depend on that of the other: where both are old, the words of each are met
describe('with the commands of OpenZFS 2.1 on both sides', () => {
  beforeEach(async () => useOldZfs([src, dst]));

  test('what is missing is refused, with the way out', async () => {
    pair = pairOf();
    expect(await refusalOf(pair, pair.cycle)).toEqual({
      exitCode: 3,
      error: `${pair.source} does not exist on this host`,
      hint: 'see what there is: zfs list -r tank',
    });
    await src.ok(sh`zfs create ${pair.source}`);
    const unprimed = await refusalOf(pair, pair.cycle);
    expect(unprimed).toMatchObject({
      exitCode: 3,
      error: expect.stringContaining(`${pair.target} on dst does not exist`),
    });
    await follow(unprimed.hint);
    expect(await pair.cycle()).toEqual(silentSuccess);

    const nowhere = pairOf(pair.source, 'nopool/replica');
    expect(await refusalOf(nowhere, nowhere.cycle)).toMatchObject({
      exitCode: 1,
      error: 'the pool nopool is not imported on dst',
    });
  });

  test('a changed target is refused, also where a snapshot hides the change, and the hint’s command mends it', async () => {
    pair = await primedPair();
    for (const hide of [false, true]) {
      await change(pair);
      if (hide) await dst.ok(sh`zfs snapshot ${`${pair.target}@theirs`}`);
      const { exitCode, error, hint } = verdictOf(await pair.cycle());
      expect({ exitCode, error }).toEqual({
        exitCode: 3,
        error: expect.stringContaining(`${pair.target} on dst was changed after its snapshot @`),
      });
      await follow(hint);
      expect(await pair.cycle()).toEqual(silentSuccess);
      await isTidy(pair);
    }
  });

  test('a quota and missing rights are told in words, and when they are mended the next cycle goes on', async () => {
    pair = await primedPair();
    await writeBigFile(pair.source, 'big', 5);
    const used = await property(dst, pair.target, 'used');
    await dst.ok(sh`zfs set quota=${Number(used) + 1_000_000} ${pair.target}`);
    expect(verdictOf(await pair.cycle())).toEqual({
      exitCode: 1,
      error: `dst: cannot receive incremental stream: destination ${pair.target} space quota exceeded.`,
      hint: undefined,
    });
    await dst.ok(sh`zfs set quota=none ${pair.target}`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);

    const user = await makeUser(dst);
    onTestFinished(user.remove);
    const words = [pair.source, `${user.name}@dst`] as const;
    const denied = verdictOf(await pair.zferry(...words));
    expect(denied).toMatchObject({
      exitCode: 1,
      error: `${user.name}@dst: cannot receive incremental stream: permission denied`,
    });
    expect(denied.hint).toContain(receiverAllow(user.name, 'tank'));
  });
});

test('zferry doctor warns of commands that are older than their module, and of nothing else', async () => {
  await useOldZfs([dst]);
  pair = await primedPair();
  const words = ['doctor', pair.source, pair.place, '--json'] as const;
  const { exitCode, of, troubles } = diagnosisOf(await pair.zferry(...words));
  expect({ exitCode, troubles }).toEqual({ exitCode: 0, troubles: ['zfs there'] });
  expect(of['zfs there']).toEqual({
    level: 'warn',
    seen: expect.stringMatching(
      /^the commands on dst are of zfs-2\.1\.\S+, the kernel's module is zfs-2\.3\.\S+$/,
    ),
    hint: 'restart that host after its update',
  });
});
