import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSource, parseTarget } from '../../../../src/hosts/place.ts';
import type { Tree } from '../../../../src/replication/request.ts';
import {
  memberAt,
  memberRequest,
  membersOf,
  orphansOf,
} from '../../../../src/replication/tree/members.ts';
import { request } from '../../support/pair.ts';

const source = parseSource('tank/vm');
const pair = { source, target: parseTarget('backup:pool/vm', source) };
const whole: Tree = { exclude: [], maxDepth: undefined, parallel: 1 };
const datasets = ['tank/vm', 'tank/vm/a', 'tank/vm/a/b', 'tank/vm/a-c', 'tank/vmx', 'tank/vm/z'];

const paths = (tree: Tree) => membersOf(pair, tree, datasets).map(({ path }) => path);

describe('the members of a tree', () => {
  test('are the source and all below it, each behind the one above it', () => {
    expect(paths(whole)).toEqual(['', 'a', 'a-c', 'a/b', 'z']);
  });

  test('are without what a pattern matches, and without what is below that', () => {
    expect(paths({ ...whole, exclude: ['a'] })).toEqual(['', 'a-c', 'z']);
    expect(paths({ ...whole, exclude: ['a*'] })).toEqual(['', 'z']);
    expect(paths({ ...whole, exclude: ['*/b', 'z'] })).toEqual(['', 'a', 'a-c']);
    expect(paths({ ...whole, exclude: ['b'] })).toEqual(['', 'a', 'a-c', 'a/b', 'z']);
  });

  test('are no deeper than they may be', () => {
    expect(paths({ ...whole, maxDepth: 0 })).toEqual(['']);
    expect(paths({ ...whole, maxDepth: 1 })).toEqual(['', 'a', 'a-c', 'z']);
  });

  test('stand behind their parents, whatever they are called', () => {
    const name = fc.stringMatching(/^[a-z !.-]{1,3}$/).filter((text) => !/^\.+$/.test(text));
    const tree = fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 20 });
    fc.assert(
      fc.property(tree, (found) => {
        const all = found.flatMap((parts) =>
          parts.map((_, at) => parts.slice(0, at + 1).join('/')),
        );
        const seen = new Set<string>(['']);
        const names = [...new Set(all)].map((path) => `tank/vm/${path}`);
        for (const { path } of membersOf(pair, whole, ['tank/vm', ...names])) {
          expect(seen.has(path.slice(0, Math.max(0, path.lastIndexOf('/'))))).toBe(true);
          seen.add(path);
        }
      }),
    );
  });
});

describe('a member', () => {
  test('is written as a person would write it', () => {
    const { pair: own } = memberAt(pair, 'a/b');
    expect([own.source.typed, own.target.typed]).toEqual(['tank/vm/a/b', 'backup:pool/vm/a/b']);
    const alone = { source, target: parseTarget('root@backup', source) };
    expect(memberAt(alone, 'a').pair.target.typed).toBe('root@backup:tank/vm/a');
  });

  test('is primed by the way where it is new, but for the root', () => {
    const all = request({ pair, tree: whole });
    const intents = (path: string) =>
      [true, false].map(
        (isNew) => memberRequest(all, memberAt(pair, path), isNew, new Map()).intent,
      );
    expect(intents('a')).toEqual(['prime', 'run']);
    expect(intents('')).toEqual(['run', 'run']);
  });

  test('goes by the id of the root, and is no tree itself', () => {
    const own = memberRequest(
      request({ pair, tree: whole }),
      memberAt(pair, 'a'),
      false,
      new Map(),
    );
    expect(own.partOf).toBe('pool/vm');
    expect(own.tree).toBeUndefined();
  });
});

describe('what has no source any more', () => {
  const there = ['pool/vm', 'pool/vm/a', 'pool/vm/gone', 'pool/vm/left/out'];

  test('is told of', () => {
    expect(orphansOf(pair, whole, there, new Set(datasets))).toEqual([
      'pool/vm/gone',
      'pool/vm/left/out',
    ]);
  });

  test('is not what was left out', () => {
    const tree = { ...whole, exclude: ['left'] };
    expect(orphansOf(pair, tree, there, new Set(datasets))).toEqual(['pool/vm/gone']);
  });
});
