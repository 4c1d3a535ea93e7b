import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, type Host, src } from './support/host.ts';
import { liar } from './support/liar.ts';
import { nextSecond } from './support/looks.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  primedPair,
  snapshots,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const make = (host: Host, dataset: string, label: string) =>
  host.ok(sh`zfs snapshot ${`${dataset}@${label}`}`);

const rename = (host: Host, dataset: string, from: string, to: string) =>
  host.ok(sh`zfs rename ${`${dataset}@${from}`} ${`${dataset}@${to}`}`);

/** A cycle with something to send, as JSON. */
const cycle = async () => {
  await writeFiles(pair.source, 'more');
  return reportOf(await pair.cycle('--json'));
};

/** The one snapshot of a pair that was just primed. */
const base = async (): Promise<string> => String((await snapshots(src, pair.source)).at(-1));

describe('snapshots that others made', () => {
  test('on the target, newer than the base, are carried past and stay', async () => {
    pair = await primedPair();
    await make(dst, pair.target, 'by hand');
    expect(await cycle()).toMatchObject({ kind: 'incremental', kept: [] });
    await make(dst, pair.target, 'autosnap_2026-11-20');
    expect(await cycle()).toMatchObject({ kind: 'incremental', kept: [] });

    const label = await newestEqual(pair);
    expect(await snapshots(dst, pair.target)).toEqual(['by hand', 'autosnap_2026-11-20', label]);
    expect(await snapshots(src, pair.source)).toEqual([label]);
  });

  test('as a new name for what just arrived, are found by guid, and the next cycle goes on', async () => {
    pair = await primedPair();
    const first = await base();
    await writeFiles(pair.source, 'more');
    // Between the receive and the look at what came of it
    const options = await liar({
      zfs: `[ "$1" != receive ] || {
        "$real" "$@"; code=$?
        new=$($real list -H -d 1 -t snapshot -o name -s createtxg ${pair.target} | tail -n 1)
        $real rename "$new" ${pair.target}@kept
        exit $code; }`,
    });
    const { error } = verdictOf(await pair.cycle(...options));
    expect(error).toMatch(/^@zferry_\S+ arrived on dst, but is called @kept there now$/);
    const sent = (await snapshots(src, pair.source)).at(-1);

    expect(await cycle()).toMatchObject({
      kind: 'incremental',
      base: `${pair.source}@${String(sent)}`,
      kept: [],
    });
    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([label]);
    expect(await snapshots(dst, pair.target)).toEqual(['kept', label]);
    expect(first).not.toBe(label);
    expect(await bookmarks(pair.source)).toHaveLength(1);
  });

  test('on the source, older and newer than the base, stay with their bookmarks', async () => {
    pair = await freshPair();
    await make(src, pair.source, 'older');
    await src.ok(sh`zfs bookmark ${`${pair.source}@older`} ${`${pair.source}#mine`}`);
    await pair.prime();
    await make(src, pair.source, 'newer');
    await cycle();

    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual(['older', 'newer', label]);
    expect(await bookmarks(pair.source)).toEqual(['mine', expect.stringMatching(/^zferry_/)]);
    expect(await snapshots(dst, pair.target)).toEqual([label]);
  });
});

/** A cycle that could not prune one snapshot, and says so in the log and in JSON only. */
const keeps = async (what: string) => {
  await writeFiles(pair.source, 'more');
  expect(await pair.cycle()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  await newestEqual(pair);
  const line = (await pair.lines()).at(-1) ?? '';
  expect(line).toContain(' replicated to dst successfully. ');
  expect(line).toMatch(new RegExp(` s \\(kept ${what}\\)$`));
};

describe('a base that is in use', () => {
  test('by a hold on the source is kept, said so, and goes once it is released', async () => {
    pair = await primedPair();
    const held = await base();
    const name = `${pair.source}@${held}`;
    await src.ok(sh`zfs hold mine ${name}`);
    onTestFinished(async () => void (await src.run(sh`zfs release mine ${name}; true`)));
    await keeps(`${name}: it is held`);
    expect(await snapshots(src, pair.source)).toEqual([held, await newestEqual(pair)]);
    expect(await snapshots(dst, pair.target)).toHaveLength(1);

    expect(await cycle()).toMatchObject({ kept: [`${name}: it is held`] });
    expect(await snapshots(src, pair.source)).toEqual([held, await newestEqual(pair)]);
    await src.ok(sh`zfs release mine ${name}`);
    expect(await cycle()).toMatchObject({ kept: [] });
    expect(await snapshots(src, pair.source)).toEqual([await newestEqual(pair)]);
  });

  test('by a hold on the target is kept, said so in JSON too, and in nobody’s way', async () => {
    pair = await primedPair();
    const held = await base();
    const name = `${pair.target}@${held}`;
    await dst.ok(sh`zfs hold mine ${name}`);
    const { kept } = await cycle();
    expect(kept).toEqual([`dst:${name}: it is held`]);
    expect((await pair.lines()).at(-1)).toContain(` (kept ${String(kept[0])})`);
    expect(await snapshots(dst, pair.target)).toEqual([held, await newestEqual(pair)]);
    await dst.ok(sh`zfs release mine ${name}`);
  });

  test('by a clone on the target is kept, said so, and in nobody’s way', async () => {
    pair = await primedPair();
    const cloned = await base();
    const name = `${pair.target}@${cloned}`;
    // Destroyed with the target it comes from
    await dst.ok(sh`zfs clone ${name} ${`${pair.target}-clone`}`);
    await keeps(`dst:${name}: it has clones`);
    expect(await snapshots(dst, pair.target)).toEqual([cloned, await newestEqual(pair)]);
  });
});

describe('a base that is no longer what it was', () => {
  test('destroyed on the source, is replaced by its bookmark', async () => {
    pair = await primedPair();
    await src.ok(sh`zfs destroy ${`${pair.source}@${await base()}`}`);
    const [bookmark] = await bookmarks(pair.source);

    expect(await cycle()).toMatchObject({
      kind: 'incremental',
      base: `${pair.source}#${String(bookmark)}`,
    });
    expect(await snapshots(src, pair.source)).toEqual([await newestEqual(pair)]);
    expect(await bookmarks(pair.source)).toHaveLength(1);
  });

  test('renamed on the source, is known by its guid and stays under its new name', async () => {
    pair = await primedPair();
    await rename(src, pair.source, await base(), 'keep me');
    const [bookmark] = await bookmarks(pair.source);
    await nextSecond();

    // Where no snapshots are listed, the bookmark of that guid is the base
    expect(await cycle()).toMatchObject({
      kind: 'incremental',
      base: `${pair.source}#${String(bookmark)}`,
    });
    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual(['keep me', label]);
    expect(await snapshots(dst, pair.target)).toEqual([label]);
  });

  test('renamed on the target, is known by its guid and stays under its new name', async () => {
    pair = await primedPair();
    await rename(dst, pair.target, await base(), 'keep me');

    expect(await cycle()).toMatchObject({ kind: 'incremental' });
    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([label]);
    expect(await snapshots(dst, pair.target)).toEqual(['keep me', label]);
  });
});
