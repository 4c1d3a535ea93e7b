import { afterEach, describe, expect, test } from 'vitest';
import { dst, type Host, src } from './support/host.ts';
import { expectFailed, expectRefused, silentSuccess } from './support/outcome.ts';
import { newestEqual, type Pair, primedPair, writeBigFile, writeFiles } from './support/pair.ts';
import { without } from './support/programs.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const compressors = ['lzop', 'zstd', 'lz4', 'gzip'];

const compressionOf = (stdout: string): unknown => JSON.parse(stdout).compression;

describe('a cycle through', () => {
  test.each(compressors)('%s, with no other compressor on either host', async (name) => {
    pair = await primedPair(undefined, undefined);
    await writeFiles(pair.source, 'second');
    const others = compressors.filter((other) => other !== name);
    const { exitCode, stdout, stderr } = await without(src, others, () =>
      without(dst, others, () => pair.cycle('--compress', name, '--json')),
    );

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(compressionOf(stdout)).toBe(name);
    await newestEqual(pair);
  });

  test('none', async () => {
    pair = await primedPair();
    await writeFiles(pair.source, 'second');
    const { exitCode, stdout, stderr } = await pair.cycle('--compress', 'none', '--json');

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(compressionOf(stdout)).toBe('none');
    await newestEqual(pair);
  });
});

describe('a compressor that is missing', () => {
  test.each<[string, Host]>([
    ['this host', src],
    ['dst', dst],
  ])('on %s is an error where it was asked for', async (where, host) => {
    pair = await primedPair();
    await expectFailed(
      pair,
      () => without(host, ['zstd'], () => pair.cycle('--compress', 'zstd')),
      {
        exitCode: 2,
        error: `zstd is not installed on ${where}`,
        hint: 'install it there (apt install zstd), or use --compress none',
      },
    );
  });

  test.each<[string, Host]>([
    ['this host', src],
    ['dst', dst],
  ])('on %s is done without where it was not, and the log says so', async (where, host) => {
    pair = await primedPair();
    await writeFiles(pair.source, 'second');

    expect(await without(host, ['lzop'], () => pair.cycle())).toEqual(silentSuccess);
    await newestEqual(pair);
    const note = ` s (not compressed: no lzop on ${where})`;
    expect((await pair.lines()).at(-1)?.endsWith(note)).toBe(true);
  });
});

describe('--rate', () => {
  test.each([
    ['pv', 'mbuffer'],
    ['mbuffer', 'pv'],
  ])('is held by %s where there is no %s', async (_limiter, missing) => {
    pair = await primedPair();
    await writeBigFile(pair.source, 'big', 5);
    const began = Date.now();

    expect(await without(src, [missing], () => pair.cycle('--rate', '1M'))).toEqual(silentSuccess);
    const seconds = (Date.now() - began) / 1000;
    expect(seconds).toBeGreaterThan(4);
    expect(seconds).toBeLessThan(30);
    await newestEqual(pair);
  });

  test('is an error of the command line where neither is there', async () => {
    pair = await primedPair();
    const act = () => without(src, ['pv', 'mbuffer'], () => pair.cycle('--rate', '1M'));
    await expectRefused(pair, act, {
      exitCode: 2,
      error: '--rate needs pv or mbuffer on this host',
      hint: 'apt install pv',
    });
  });
});
