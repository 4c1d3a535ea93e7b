import { expect, test } from 'vitest';
import { SourceConnection } from '../../../src/hosts/source-connection.ts';

/** Something that ends when the test says so. */
const held = () => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let begun = false;
  const open = () => {
    begun = true;
    return promise;
  };
  return { open, resolve, reject, hasBegun: () => begun };
};

const settled = () => new Promise((resolve) => setImmediate(resolve));

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

test('so many commands go through at a time, and one that fails makes room too', async () => {
  const connection = new SourceConnection();
  const works = Array.from({ length: 6 }, held);
  const turns = works.map(({ open }) => connection.turn(open).catch(() => 'failed'));
  const begun = () => works.filter(({ hasBegun }) => hasBegun()).length;
  await settled();
  expect(begun()).toBe(4);
  works[1]?.reject(new Error('no'));
  works[3]?.resolve('done');
  await settled();
  expect(begun()).toBe(6);
  for (const { resolve } of works) resolve('done');
  expect(await Promise.all(turns)).toHaveLength(6);
});
