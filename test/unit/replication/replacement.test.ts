import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Inspected } from '../../../src/hosts/inspection.ts';
import {
  asideProblem,
  beside,
  decideReplacement,
  stageOf,
} from '../../../src/replication/replacement.ts';
import { parseGuid } from '../../../src/zfs/names.ts';
import { many } from '../support/arbitraries.ts';
import { facts, listing, lockedSource, replica, request, snapshot } from '../support/pair.ts';

const row = (name: string, changes: Partial<Inspected> = {}): Inspected => ({
  type: name.includes('@') ? 'snapshot' : 'filesystem',
  name,
  guid: parseGuid('9'),
  createtxg: 9,
  isHeld: false,
  written: 0,
  clones: [],
  ...changes,
});

const asked = request({ intent: 'prime', replace: true });
const source = listing([snapshot(1), snapshot(2)]);
const target = row('pool/vm');
const fresh = row('pool/vm.zferry_new');
const freshSnapshot = row('pool/vm.zferry_new@x');
const aside = row('pool/vm.zferry_old');
const healthy = facts(replica([snapshot(1)]));
const strange = facts(replica([snapshot(7)]));
const gone = facts(undefined);

const decide = (seen: typeof healthy, ...rows: readonly Inspected[]) =>
  decideReplacement(asked, source, seen, stageOf(asked, rows));

describe('a replacement', () => {
  test('is a plain prime where there is no old replica', () => {
    expect(decide(gone)).toEqual({ kind: 'plain' });
  });

  test('is a plain prime, or the rest of one, where a first send is not finished', () => {
    const partial = facts(replica([], { resumeToken: '1-1-1-1' }));
    expect(decide(partial, target)).toEqual({ kind: 'plain' });
  });

  test('sends beside an old replica, with or without a common snapshot', () => {
    for (const seen of [healthy, strange]) {
      expect(decide(seen, target)).toEqual({ kind: 'send', intent: 'prime' });
    }
  });

  test('goes on with what was begun, and brings up to date what was finished', () => {
    expect(decide(healthy, target, fresh)).toEqual({ kind: 'send', intent: 'prime' });
    expect(decide(healthy, target, fresh, freshSnapshot)).toEqual({ kind: 'send', intent: 'run' });
  });

  test('goes on between the two renames', () => {
    expect(decide(gone, fresh, freshSnapshot, aside)).toEqual({ kind: 'send', intent: 'run' });
    expect(decide(gone, aside)).toEqual({ kind: 'send', intent: 'prime' });
  });

  test('only clears up where both have changed places', () => {
    expect(decide(healthy, target, aside)).toEqual({ kind: 'finish' });
  });

  test('is refused where another old replica has the name that this one needs', () => {
    for (const plan of [
      decide(strange, target, aside),
      decide(healthy, target, aside, fresh, freshSnapshot),
    ]) {
      expect(plan).toMatchObject({
        kind: 'refuse',
        error: {
          exitCode: 3,
          hint: "if nobody needs it: ssh backup 'zfs destroy -r pool/vm.zferry_old'",
        },
      });
    }
  });

  test('is refused where datasets or clones depend on the old replica', () => {
    expect(decide(healthy, target, row('pool/vm/child'))).toMatchObject({
      kind: 'refuse',
      error: { message: expect.stringContaining('such as pool/vm/child') },
    });
    const cloned = row('pool/vm@a', { clones: ['pool/clone'] });
    expect(decide(healthy, target, cloned)).toMatchObject({
      kind: 'refuse',
      error: { hint: "if nobody needs the clone: ssh backup 'zfs destroy pool/clone'" },
    });
  });

  test('is refused for a target that is writable or never was a replica, and for a source that is not sent', () => {
    expect(decide(facts(replica([snapshot(1)], { readonly: false })), target).kind).toBe('refuse');
    expect(decide(facts(replica([])), target).kind).toBe('refuse');
    const stage = stageOf(asked, [target]);
    const wanted = { ...asked, decrypt: true };
    expect(decideReplacement(wanted, lockedSource, healthy, stage).kind).toBe('refuse');
  });

  test('never sends onto a name that is taken, nor forgets a replica that stands aside', () => {
    const some = fc.subarray([target, fresh, freshSnapshot, aside]);
    fc.assert(
      fc.property(some, fc.constantFrom(healthy, strange), (rows, seen) => {
        const plan = decide(rows.includes(target) ? seen : gone, ...rows);
        if (rows.includes(target) && rows.includes(aside)) {
          expect(['finish', 'refuse']).toContain(plan.kind);
        }
        if (plan.kind === 'plain') expect(rows).not.toContain(aside);
        if (plan.kind === 'finish') expect(seen).toBe(healthy);
      }),
      many,
    );
  });
});

test('what is received beside the target is a target of its own, at the same place for people', () => {
  const { pair, intent } = beside(asked, 'run');
  expect(pair.target.dataset).toBe('pool/vm.zferry_new');
  expect(pair.target.typed).toBe(asked.pair.target.typed);
  expect(pair.source).toBe(asked.pair.source);
  expect(intent).toBe('run');
});

describe('an old replica that stands aside', () => {
  const staged = (...rows: readonly Inspected[]) => {
    const found = stageOf(asked, [aside, ...rows]).aside;
    if (found === undefined) throw new Error('it was not found');
    return asideProblem(found);
  };

  test('can go when nothing needs it', () => {
    expect(staged(row('pool/vm.zferry_old@a'))).toBeUndefined();
    expect(staged(row('pool/vm@a', { isHeld: true }))).toBeUndefined();
  });

  test('stays for a hold, a clone or a dataset below it', () => {
    expect(staged(row('pool/vm.zferry_old@a', { isHeld: true }))).toBe('it is held');
    expect(staged(row('pool/vm.zferry_old@a', { clones: ['pool/c'] }))).toBe('it has clones');
    expect(staged(row('pool/vm.zferry_old/child'))).toBe('it has datasets below it');
  });
});
