import { expect, test } from 'vitest';
import { SourceConnection } from '../../../src/hosts/source-connection.ts';
import { held, settled } from '../support/held.ts';

test('the first session makes the connection, and the others wait for it', async () => {
  const connection = new SourceConnection(2);
  const [first, second] = [held(), held()];
  const one = connection.enter(first.open);
  const two = connection.enter(second.open);
  await settled();
  expect(second.hasBegun()).toBe(false);
  first.resolve('one');
  await settled();
  expect(second.hasBegun()).toBe(true);
  second.resolve('two');
  expect(await Promise.all([one, two])).toEqual(['one', 'two']);
});

test('one that cannot be made is tried once, and all say why', async () => {
  const connection = new SourceConnection(2);
  const [first, second] = [held(), held()];
  const entered = [connection.enter(first.open), connection.enter(second.open)];
  first.reject(new Error('no route'));
  expect(await Promise.allSettled(entered)).toEqual([
    { status: 'rejected', reason: new Error('no route') },
    { status: 'rejected', reason: new Error('no route') },
  ]);
  expect(second.hasBegun()).toBe(false);
});

test('it ends when the last of its users has left', async () => {
  const connection = new SourceConnection(2);
  let ends = 0;
  connection.endsBy(async () => {
    ends += 1;
    await settled();
  });
  await connection.leave();
  expect(ends).toBe(0);
  await connection.leave();
  expect(ends).toBe(1);
});

test('no more than four commands go through at a time', async () => {
  const connection = new SourceConnection();
  const works = Array.from({ length: 6 }, held);
  const turns = works.map(({ open }) => connection.turn(open));
  await settled();
  expect(works.filter(({ hasBegun }) => hasBegun())).toHaveLength(4);
  for (const { resolve } of works) resolve('done');
  expect(await Promise.all(turns)).toHaveLength(6);
});
