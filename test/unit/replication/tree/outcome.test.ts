import { expect, test } from 'vitest';
import { failure, refusal, ZferryError } from '../../../../src/errors.ts';
import { emptyStory } from '../../../../src/replication/tree/ledger.ts';
import { TreeIncomplete } from '../../../../src/replication/tree/outcome.ts';
import { parseDatasetName } from '../../../../src/zfs/names.ts';

const treeOf = (...errors: readonly ZferryError[]) => {
  const failures = errors.map((error, index) => ({
    source: parseDatasetName(`tank/vm/d${index}`),
    target: `backup:tank/vm/d${index}`,
    error,
    story: emptyStory(),
  }));
  return new TreeIncomplete(failures, 9);
};

const busy = new ZferryError('busy', 'at work');

test('a tree ends with the worst of its datasets: one that is busy outweighs no failure', () => {
  expect(treeOf(busy).exitCode).toBe(4);
  expect(treeOf(busy, failure('no room')).exitCode).toBe(1);
  expect(treeOf(failure('no room'), refusal('writable'), busy).exitCode).toBe(3);
});

test('it names those that are not current, but no more than five', () => {
  expect(treeOf(busy).message).toBe('1 of 9 datasets are not current: tank/vm/d0');
  expect(treeOf(...Array(7).fill(busy)).message).toMatch(
    /: tank\/vm\/d0, .*tank\/vm\/d4 and 2 more$/,
  );
});
