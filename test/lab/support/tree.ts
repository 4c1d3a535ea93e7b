import { expect } from 'vitest';
import type { Host } from './host.ts';
import type { Pair } from './pair.ts';
import { sh } from './quote.ts';

/** A dataset below the source and its replica, which the commands of the whole replicate with `--recursive`. */
export const below = <T extends Pick<Pair, 'source' | 'target'>>(whole: T, path: string): T => ({
  ...whole,
  source: `${whole.source}/${path}`,
  target: `${whole.target}/${path}`,
});

/** A snapshot or a bookmark. */
interface Named {
  readonly label: string;
  readonly guid: string;
}

/**
 * All snapshots or bookmarks at and below a dataset, oldest first, by the path below it: '' is the dataset itself. By one
 * command, where a question for each dataset would take long.
 */
export const allBelow = async (
  host: Host,
  root: string,
  type: 'snapshot' | 'bookmark',
): Promise<ReadonlyMap<string, readonly Named[]>> => {
  const list = sh`zfs list -H -r -t ${type} -o name,guid -s createtxg ${root}`;
  const rows = (await host.ok(list)).split('\n').filter(Boolean);
  const all = rows.map((row) => {
    const [name = '', guid = ''] = row.split('\t');
    const [path = '', label = ''] = name.slice(root.length).split(/[@#]/);
    return { path, label, guid };
  });
  const groups = Map.groupBy(all, ({ path }) => path);
  return new Map(
    [...groups].map(([path, own]) => [path, own.map(({ label, guid }) => ({ label, guid }))]),
  );
};

/** A tree, or a copy of it. */
export type Root = readonly [host: Host, dataset: string];

/** The newest labels of datasets of a copy, by their paths; each must be the very snapshot that the source has. */
export const newestBelow = async (
  source: Root,
  copy: Root,
  paths: readonly string[],
): Promise<readonly string[]> => {
  const [here, there] = await Promise.all(
    [source, copy].map((root) => allBelow(...root, 'snapshot')),
  );
  return paths.map((path) => {
    const newest = there?.get(path)?.at(-1);
    expect({ path, here: here?.get(path) }).toEqual({
      path,
      here: expect.arrayContaining([newest]),
    });
    return newest?.label ?? '';
  });
};

/**
 * These datasets are everywhere as they were at one moment: each has one snapshot at the source, of one label, each copy
 * has that and no other, and the source has a bookmark for each copy.
 */
export const areAtOne = async (
  source: Root,
  copies: readonly Root[],
  paths: readonly string[],
): Promise<void> => {
  const [marks, here, there] = await Promise.all([
    allBelow(...source, 'bookmark'),
    allBelow(...source, 'snapshot'),
    Promise.all(copies.map((copy) => allBelow(...copy, 'snapshot'))),
  ]);
  const label = here.get('')?.at(-1)?.label;
  for (const path of paths) {
    const own = here.get(path);
    expect({ path, own }).toEqual({ path, own: [expect.objectContaining({ label })] });
    for (const each of there) expect({ path, own: each.get(path) }).toEqual({ path, own });
    expect({ path, marks: marks.get(path)?.length }).toEqual({ path, marks: copies.length });
  }
};

/** Writes something new into each of these datasets. */
export const changeBelow = async ([host, root]: Root, paths: readonly string[]): Promise<void> => {
  const write = (path: string) => sh`head -c 100000 /dev/urandom >/${root}${path}/file`;
  await host.ok(paths.map(write).join(' && '));
};
