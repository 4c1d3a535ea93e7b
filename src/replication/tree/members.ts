import { posix } from 'node:path';
import type { Place } from '../../hosts/place.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import { type DatasetName, parentOf } from '../../zfs/names.ts';
import { goesRaw } from '../encryption.ts';
import type { Pair, Request, Tree } from '../request.ts';

/** One dataset of a tree and its replica. */
export interface Member {
  readonly pair: Pair;
  /** Below the root: empty for the root itself, `a/b` otherwise. */
  readonly path: string;
}

/** A place below another, written as a person would write it. */
const below = (place: Place, path: string): Place => {
  const dataset = `${place.dataset}/${path}` as DatasetName;
  // `backup` alone means the source's own name there.
  const typed = place.typed.endsWith(place.dataset)
    ? `${place.typed}/${path}`
    : `${place.typed}:${dataset}`;
  return { ...place, dataset, typed };
};

/** The path of a dataset below the root; undefined for one that is not of its tree. */
const pathBelow = (root: DatasetName, name: string): string | undefined => {
  if (name === root) return '';
  return name.startsWith(`${root}/`) ? name.slice(root.length + 1) : undefined;
};

/** True where the person left that path, or one above it, out. */
const isLeftOut = ({ exclude, maxDepth }: Tree, path: string): boolean => {
  const parts = path === '' ? [] : path.split('/');
  if (maxDepth !== undefined && parts.length > maxDepth) return true;
  const prefixes = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
  return prefixes.some((prefix) => exclude.some((pattern) => posix.matchesGlob(prefix, pattern)));
};

/** The member at that path. */
export const memberAt = ({ source, target }: Pair, path: string): Member =>
  path === ''
    ? { pair: { source, target }, path }
    : { pair: { source: below(source, path), target: below(target, path) }, path };

/** The members of a tree out of all datasets there are, each behind the one above it. */
export const membersOf = (pair: Pair, tree: Tree, datasets: Iterable<string>): readonly Member[] =>
  [...datasets]
    .flatMap((name) => pathBelow(pair.source.dataset, name) ?? [])
    .filter((path) => !isLeftOut(tree, path))
    .toSorted()
    .map((path) => memberAt(pair, path));

/**
 * Datasets of the target whose source is not there (any more), without what the person left out. They are told of, and
 * left alone.
 */
export const orphansOf = (
  pair: Pair,
  tree: Tree,
  there: Iterable<string>,
  here: ReadonlySet<string>,
): readonly string[] =>
  [...there].filter((name) => {
    const path = pathBelow(pair.target.dataset, name);
    if (path === undefined || path === '' || isLeftOut(tree, path)) return false;
    return !here.has(`${pair.source.dataset}/${path}`);
  });

/** What is asked for one member. A child that was never on the target is primed by the way. */
export const memberRequest = (
  request: Request,
  { pair, path }: Member,
  isNew: boolean,
  listings: ReadonlyMap<DatasetName, SourceListing>,
): Request => {
  const parent = parentOf(pair.source.dataset);
  const listed = parent && listings.get(parent);
  return {
    ...request,
    pair,
    tree: undefined,
    partOf: request.pair.target.dataset,
    isBelowRaw: listed !== undefined && goesRaw(request, listed),
    intent: path !== '' && isNew ? 'prime' : request.intent,
  };
};
