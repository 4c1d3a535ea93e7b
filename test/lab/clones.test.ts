import { expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import { newestEqual, pairOf, primedPair, property, writeFiles } from './support/pair.ts';
import { sh } from './support/quote.ts';

test('a clone is sent as a full dataset, which is said, and goes on by increments', async () => {
  const base = await primedPair();
  const origin = `${base.source}@origin`;
  const pair = pairOf();
  onTestFinished(async () => {
    await pair.remove();
    await base.remove();
  });
  await src.ok(sh`zfs snapshot ${origin} && zfs clone ${origin} ${pair.source}`);
  await writeFiles(pair.source, 'of the clone');
  const words = `sent as a full dataset, although it is a clone of ${origin}`;
  expect((await pair.prime('--dry-run')).stdout).toContain(`it will be ${words}\n`);
  expect(await pair.prime()).toEqual(silentSuccess);
  expect((await pair.lines()).at(-1)).toContain(`(${words})`);
  await newestEqual(pair);
  expect(await property(dst, pair.target, 'origin')).toBe('-');

  await writeFiles(pair.source, 'second');
  expect(await pair.cycle()).toEqual(silentSuccess);
  expect((await pair.lines()).at(-1)).not.toContain('clone');
  await newestEqual(pair);
});
