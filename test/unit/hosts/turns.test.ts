import { expect, test } from 'vitest';
import { Turns } from '../../../src/hosts/turns.ts';
import { held, settled } from '../support/held.ts';

test('so many work at a time, one that fails makes room too, and who waited longest is next', async () => {
  const turns = new Turns(4);
  const works = Array.from({ length: 7 }, held);
  const taken = works.map(({ open }) => turns.take(open).catch(() => 'failed'));
  const begun = () => works.map(({ hasBegun }) => hasBegun());
  await settled();
  expect(begun()).toEqual([true, true, true, true, false, false, false]);
  works[1]?.reject(new Error('no'));
  works[3]?.resolve('done');
  await settled();
  expect(begun()).toEqual([true, true, true, true, true, true, false]);
  for (const { resolve } of works) resolve('done');
  expect(await Promise.all(taken)).toEqual(['done', 'failed', ...Array(5).fill('done')]);
});
