import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { diesInTheMiddle } from './support/interruption.ts';
import { newestEqual, type Pair, pairOf, writeBigFile } from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { without } from './support/programs.ts';
import { sh } from './support/quote.ts';
import { type Report, reportOf } from './support/report.ts';
import { isTidy } from './support/tidy.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const auto = ['--compress', 'auto', '--json'] as const;

/** Some megabytes that every compressor makes a lot smaller, and some hundred tiny files. */
const writeText = async (dataset: string, from: number): Promise<void> => {
  await src.ok(
    sh`cd /${dataset} && seq ${from} ${from + 300_000} >${`numbers-${from}`} && for i in $(seq 300); do echo $i >tiny-${from}-$i; done`,
  );
};

/** A source of its own kind, with such text, and no target yet. */
const madeWith = async (
  options: readonly string[],
  { target, write = writeText }: { target?: string; write?: typeof writeText } = {},
): Promise<void> => {
  pair = pairOf(undefined, target);
  await src.ok(`zfs create ${options.map((option) => sh`-o ${option}`).join(' ')} ${pair.source}`);
  await write(pair.source, 1);
};

const writeNoise = (dataset: string, from: number) => writeBigFile(dataset, `noise-${from}`, 4);

const used = ({ compression, asStored, notes }: Report) => ({ compression, asStored, notes });

/** Primes and does a cycle, and makes sure that both were sent so, and arrived. */
const expectSent = async (
  expected: { compression: string; asStored: boolean; note: RegExp },
  write = writeText,
  ...options: readonly string[]
): Promise<void> => {
  const { compression, asStored, note } = expected;
  const facts = { compression, asStored, notes: [expect.stringMatching(note)] };
  expect(used(reportOf(await pair.prime(...auto, ...options)))).toEqual(facts);
  await newestEqual(pair);
  await write(pair.source, 400_000);
  expect(used(reportOf(await pair.cycle(...auto, ...options)))).toEqual(facts);
  await isTidy(pair);
  expect((await pair.lines()).at(-1)).toMatch(/ replicated to dst successfully\. .* \(auto: .*\)$/);
};

/** Of a stream of the source's newest snapshot, in bytes. */
const sizeOf = async (flags: string): Promise<number> =>
  Number(
    await src.ok(
      `zfs send ${flags} "$(${sh`zfs list -H -d 1 -t snapshot -o name ${pair.source}`} | tail -n 1)" | wc -c`,
    ),
  );

describe('--compress auto', () => {
  test.each([
    ['lz4', []],
    ['zstd-3', []],
    ['gzip', ['recordsize=1M']],
  ])('sends what is stored with %s as it is stored', async (compression, others) => {
    await madeWith([`compression=${compression}`, ...others]);
    const note = new RegExp(String.raw`^auto: sent as stored \(${compression}, \d+\.\d\dx\)$`);
    await expectSent({ compression: 'none', asStored: true, note });
    expect(await sizeOf('-L -e -c')).toBeLessThan(0.7 * (await sizeOf('-L')));
  });

  test('compresses what is not stored compressed', async () => {
    await madeWith(['compression=off']);
    await expectSent({ compression: 'zstd', asStored: false, note: /^auto: zstd$/ });
  });

  test('leaves data that gets no smaller alone', async () => {
    await madeWith(['compression=lz4'], { write: writeNoise });
    const note = /^auto: sent as stored \(lz4, 1\.00x\)$/;
    await expectSent({ compression: 'none', asStored: true, note }, writeNoise);
  });

  test('compresses on top of lz4 where a rate says that bytes are dear', async () => {
    await madeWith(['compression=lz4']);
    const note = /^auto: sent as stored \(lz4, \d+\.\d\dx\) through zstd$/;
    const expected = { compression: 'zstd', asStored: true, note };
    await expectSent(expected, writeText, '--rate', '20M');
  });

  test('sends nothing as it is stored to a pool that would refuse it', async () => {
    const pool = await smallPool(dst, 'old', 128);
    await dst.ok(
      sh`zpool destroy ${pool} && zpool create -m none -o feature@zstd_compress=disabled ${pool} ${`${dst.vdevs}/${pool}.pool`}`,
    );
    await madeWith(['compression=zstd'], { target: `${pool}/replica` });
    await expectSent({ compression: 'zstd', asStored: false, note: /^auto: zstd$/ });
    // What it was spared
    const other = `${pool}/other`;
    const { exitCode, stderr } = await src.run(
      `zfs send -c "$(${sh`zfs list -H -t snapshot -o name ${pair.source}`})" | ${sh`ssh dst zfs receive -u ${other}`}`,
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('cannot receive');
  });

  test('goes without a compressor where the hosts have none in common', async () => {
    await madeWith(['compression=off']);
    const note = /^auto: not compressed: no compressor that both hosts have$/;
    await without(src, ['zstd', 'lzop'], () =>
      without(dst, ['lz4', 'gzip'], () =>
        expectSent({ compression: 'none', asStored: false, note }),
      ),
    );
  });

  test('and a named compressor take turns in one series', async () => {
    await madeWith(['compression=lz4', 'recordsize=1M']);
    const turns = ['lzop', 'auto', 'none', 'auto', 'zstd', 'auto'];
    for (const [index, name] of turns.entries()) {
      await src.ok(
        sh`cd /${pair.source} && seq ${index} 400000 | dd of=changing bs=300k seek=${index} count=3 conv=notrunc iflag=fullblock status=none`,
      );
      await writeText(pair.source, index + 10);
      const verb = index === 0 ? pair.prime : pair.cycle;
      const { asStored } = reportOf(await verb('--compress', name, '--json'));
      expect(asStored).toBe(name === 'auto');
      await isTidy(pair);
    }
  });

  test.each([
    ['auto', 'none'],
    ['lzop', 'lzop'],
  ])('is interrupted, and what is resumed with %s stays as it was', async (name, compression) => {
    await madeWith(['compression=lz4']);
    reportOf(await pair.prime(...auto));
    await src.ok(sh`seq 10000000 17500000 >/${pair.source}/text`);
    await diesInTheMiddle(pair, 'run', '--compress', 'auto', '--rate', '1M');

    const report = reportOf(await pair.cycle('--compress', name, '--json'));
    expect(report).toMatchObject({ kind: 'resumed', compression, asStored: true });
    await isTidy(pair);
  });

  test('says in a rehearsal what it would come to', async () => {
    await madeWith(['compression=lz4']);
    const { exitCode, stdout, stderr } = await pair.prime('--compress', 'auto', '--dry-run');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^compression: none \(auto: sent as stored \(lz4, \d+\.\d\dx\)\)$/m);
    const plan = await pair.prime(...auto, '--dry-run');
    expect(JSON.parse(plan.stdout)).toMatchObject({ compression: 'none', asStored: true });

    await src.ok(sh`zfs set compression=off ${pair.source}`);
    expect((await pair.prime('--compress', 'auto', '--dry-run')).stdout).toContain(
      '\ncompression: zstd (auto: zstd)\n',
    );
  });
});
