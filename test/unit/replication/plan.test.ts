import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  commonBase,
  decide,
  decidePartial,
  hostProblem,
  matchProblem,
  sourceProblem,
  targetProblem,
} from '../../../src/replication/plan.ts';
import { parseGuid } from '../../../src/zfs/names.ts';
import type { TokenContents } from '../../../src/zfs/send.ts';
import { many } from '../support/arbitraries.ts';
import {
  bookmark,
  encryptedBy,
  facts,
  listing,
  lockedSource,
  remotePlace,
  replica,
  request,
  snapshot,
} from '../support/pair.ts';
import { isOneLine } from '../support/refused.ts';

const one = snapshot(1);
const two = snapshot(2);
const three = snapshot(3);
const token = '1-1379a801cc-118-789c6360640003';

describe('the host of a target cannot serve', () => {
  test('without zfs', () => {
    expect(hostProblem(request(), facts(undefined, { hasZfs: false }))).toMatchObject({
      exitCode: 1,
      message: 'there is no zfs command on backup',
    });
  });

  test('when zfs did not answer, in its own words', () => {
    const complaint = 'sudo: a password is required';
    expect(hostProblem(request(), facts(undefined, { complaint }))).toMatchObject({
      exitCode: 1,
      message: `zfs on backup: ${complaint}`,
    });
  });

  test('without the pool, which is no reason to call a person', () => {
    expect(hostProblem(request(), facts(undefined, { poolGuid: undefined }))).toMatchObject({
      exitCode: 1,
      message: 'the pool pool is not imported on backup',
      hint: "ssh backup 'zpool import pool'",
    });
  });

  test('otherwise it can', () => {
    expect(hostProblem(request(), facts(undefined))).toBeUndefined();
  });
});

describe('a target cannot take part', () => {
  const good = replica([one]);

  test('in a cycle when it does not exist, and the hint primes it', () => {
    expect(targetProblem(request(), facts(undefined))).toMatchObject({
      exitCode: 3,
      hint: 'make the first full send: zferry prime tank/vm backup:pool/vm',
    });
  });

  test('in a cycle or a prime while its old replica stands aside, and the hint goes on with that', () => {
    for (const intent of ['run', 'prime'] as const) {
      const found = targetProblem(request({ intent }), facts(undefined, { hasAside: true }));
      expect(found).toMatchObject({
        exitCode: 3,
        hint: 'go on with it: zferry prime --replace tank/vm backup:pool/vm',
      });
    }
  });

  test('when its parent does not exist, and the hint makes that without mounting it', () => {
    expect(
      targetProblem(request({ intent: 'prime' }), facts(undefined, { parentExists: false })),
    ).toMatchObject({
      exitCode: 3,
      hint: "ssh backup 'zfs create -p -o canmount=off -o readonly=on pool'",
    });
  });

  test('when it is writable, and the hint is the command that mends it, port and sudo included', () => {
    const writable = facts({ ...good, readonly: false });
    expect(targetProblem(request(), writable)).toMatchObject({
      exitCode: 3,
      message: 'pool/vm on backup is writable',
      hint: "make it read-only: ssh backup 'zfs set readonly=on pool/vm'",
    });
    const pair = { ...request().pair, target: remotePlace('ssh://root@backup:2222/pool/a b') };
    expect(targetProblem(request({ pair, sudo: true }), writable)?.hint).toBe(
      "make it read-only: ssh -p 2222 root@backup 'sudo zfs set readonly=on '\\''pool/a b'\\'''",
    );
  });

  test('when it was made by something else, prime or not', () => {
    for (const intent of ['run', 'prime'] as const) {
      expect(targetProblem(request({ intent }), facts(replica([])))).toMatchObject({
        exitCode: 3,
        message: expect.stringContaining('has no snapshots'),
      });
    }
  });

  test('otherwise it can: a replica, a first send that was interrupted, nothing for prime', () => {
    expect(targetProblem(request(), facts(good))).toBeUndefined();
    const partial = replica([], { resumeToken: token });
    expect(targetProblem(request(), facts(partial))).toBeUndefined();
    expect(targetProblem(request({ intent: 'prime' }), facts(undefined))).toBeUndefined();
  });
});

describe('a source cannot be sent', () => {
  test('in the clear while its key is not loaded, whatever the target has', () => {
    const decrypt = request({ decrypt: true });
    expect(sourceProblem(decrypt, lockedSource)).toMatchObject({
      exitCode: 3,
      hint: 'load it: zfs load-key tank/vm',
    });
    const away = { ...decrypt, pair: { ...decrypt.pair, source: remotePlace('nas:tank/vm') } };
    expect(sourceProblem(away, lockedSource)?.hint).toBe("load it: ssh nas 'zfs load-key tank/vm'");
    for (const dataset of [undefined, replica([one])]) {
      expect(decide(decrypt, lockedSource, facts(dataset)).kind).toBe('refuse');
    }
  });

  test('otherwise it can: raw while it is locked, in the clear where it is not encrypted', () => {
    expect(sourceProblem(request(), lockedSource)).toBeUndefined();
    expect(sourceProblem(request({ decrypt: true }), listing([one]))).toBeUndefined();
  });
});

describe('a source and a target that do not match', () => {
  const volume = { type: 'volume' } as const;

  test('are a volume and a filesystem: refused, whatever snapshots they have', () => {
    const message = 'tank/vm is a volume, and pool/vm on backup is a filesystem';
    const source = listing([one], [], volume);
    expect(matchProblem(request(), source, replica([one]))).toMatchObject({ exitCode: 3, message });
    expect(matchProblem(request(), listing([one]), replica([one], volume))?.exitCode).toBe(3);
    for (const intent of ['run', 'prime'] as const) {
      const plan = decide(request({ intent }), source, facts(replica([one])));
      expect(plan).toMatchObject({ kind: 'refuse', error: { message } });
    }
    const there = replica([], { resumeToken: token });
    const said = contents({ fromGuid: undefined });
    expect(decidePartial(request(), listing([two], [], volume), there, said)).toMatchObject({
      kind: 'refuse',
      error: { message },
    });
  });

  test('unless both are volumes', () => {
    const source = listing([one], [], volume);
    expect(matchProblem(request(), source, replica([one], volume))).toBeUndefined();
  });
});

describe('the common base', () => {
  test('is the newest whose guid both have, never one of the same name', () => {
    const namesake = { ...three, guid: snapshot(33).guid };
    expect(commonBase(listing([one, two, three]), replica([one, two, namesake]))).toMatchObject({
      kind: 'snapshot',
      guid: '2',
    });
    const renamed = { ...three, label: snapshot(44).label };
    expect(commonBase(listing([one, renamed]), replica([three]))).toMatchObject({ guid: '3' });
  });

  test('is a bookmark where the snapshot is gone, and only there', () => {
    const source = listing([one], [bookmark(1, 'zferry_x'), bookmark(2, 'zferry_y')]);
    expect(commonBase(source, replica([one, two]))).toMatchObject({ kind: 'bookmark', guid: '2' });
    expect(commonBase(source, replica([one]))).toMatchObject({ kind: 'snapshot', guid: '1' });
  });

  test('is the newest of all that both have, whatever there is', () => {
    const some = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 10 });
    fc.assert(
      fc.property(some, some, some, (snapshots, bookmarks, there) => {
        const source = listing(
          snapshots.map((age) => snapshot(age)),
          bookmarks.map((age) => bookmark(age, `b${age}`)),
        );
        const both = [...snapshots, ...bookmarks].filter((age) => there.includes(age));
        const newest = both.length === 0 ? undefined : Math.max(...both);
        const base = commonBase(source, replica(there.map((age) => snapshot(age))));
        expect(base?.createtxg).toBe(newest);
        if (base !== undefined && newest !== undefined) {
          expect(base.kind).toBe(snapshots.includes(newest) ? 'snapshot' : 'bookmark');
        }
      }),
      many,
    );
  });
});

describe('a cycle without a partial receive', () => {
  const source = listing([one, two]);

  test('sends everything to a target that is not there', () => {
    expect(decide(request({ intent: 'prime' }), source, facts(undefined))).toEqual({
      kind: 'full',
    });
  });

  test('sends what changed since the base', () => {
    expect(decide(request(), source, facts(replica([one, two])))).toMatchObject({
      kind: 'incremental',
      base: { guid: '2' },
    });
  });

  test('carries on past newer snapshots of somebody else on an unmodified target', () => {
    const there = replica([one, two, snapshot(99, 'somebody-else')]);
    expect(decide(request(), source, facts(there)).kind).toBe('incremental');
  });

  test('has nothing to do when prime finds a common base, even if the head was changed', () => {
    const there = facts(replica([one], { written: 4_096 }));
    expect(decide(request({ intent: 'prime' }), source, there).kind).toBe('already primed');
  });

  test('is refused when the target was changed, and the hint gives the changes up', () => {
    const plan = decide(request(), source, facts(replica([one], { written: 1 })));
    expect(plan).toMatchObject({
      kind: 'refuse',
      error: {
        exitCode: 3,
        message: `pool/vm on backup was changed after its snapshot @${one.label}`,
        hint: expect.stringContaining('zferry run --rollback tank/vm backup:pool/vm'),
      },
    });
  });

  test('goes on past a change that the person lets be rolled back, from the same base', () => {
    const there = facts(replica([one], { written: 1 }));
    expect(decide(request({ rollback: true }), source, there)).toMatchObject({
      kind: 'incremental',
      base: { guid: '1' },
    });
  });

  test('is refused without a common base, and never becomes a second full send', () => {
    for (const intent of ['run', 'prime'] as const) {
      const plan = decide(request({ intent }), source, facts(replica([snapshot(7)])));
      expect(plan).toMatchObject({
        kind: 'refuse',
        error: {
          exitCode: 3,
          hint: expect.stringContaining('zferry prime --replace tank/vm backup'),
        },
      });
    }
  });

  test('is refused with a word about the namesake when only names are the same', () => {
    const namesake = { ...two, guid: snapshot(22).guid };
    const plan = decide(request(), source, facts(replica([namesake])));
    expect(plan).toMatchObject({
      kind: 'refuse',
      error: { message: expect.stringContaining('the guids differ') },
    });
  });
});

const contents = (changes: Partial<TokenContents> = {}): TokenContents => ({
  toName: `tank/vm@${two.label}`,
  toGuid: '2',
  fromGuid: '1',
  raw: false,
  asStored: false,
  position: '0x3 0x20000',
  sends: `tank/vm@${two.label}`,
  ...changes,
});

const partial = replica([one], { resumeToken: token });
const partialPrime = replica([], { resumeToken: token });
const both = listing([one, two]);

describe('a partial receive', () => {
  test('is continued when it is of this source, from a base that both sides have', () => {
    expect(decidePartial(request(), both, partial, contents())).toEqual({
      kind: 'resume',
      token,
      snapshot: two,
      fromGuid: '1',
      asStored: false,
      raw: false,
    });
  });

  test('is continued from a base of which the source has only the bookmark', () => {
    const source = listing([two], [bookmark(1, 'zferry_x')]);
    expect(decidePartial(request(), source, partial, contents()).kind).toBe('resume');
  });

  test('of a first send is continued by prime and by a cycle', () => {
    const full = contents({ fromGuid: undefined });
    for (const intent of ['run', 'prime'] as const) {
      expect(decidePartial(request({ intent }), both, partialPrime, full).kind).toBe('resume');
    }
  });

  test('of a first send may begin with the origin of the source, by its guid, and with nothing else', () => {
    const clone = listing([two], [], { origin: 'tank/golden@x' });
    const plan = (fromGuid: string | undefined, origin: string | undefined) =>
      decidePartial(request({ intent: 'prime' }), clone, partialPrime, contents({ fromGuid }), {
        origin: origin === undefined ? undefined : parseGuid(origin),
      }).kind;
    expect(plan('9', '9')).toBe('resume');
    expect(plan(undefined, '9')).toBe('resume');
    for (const other of ['1', '2', '8']) expect(plan(other, '9')).toBe('refuse');
    expect(plan('9', undefined)).toBe('refuse');
    // Nor does it make a base of an increment
    const further = decidePartial(request(), both, partial, contents({ fromGuid: '9' }), {
      origin: parseGuid('9'),
    });
    expect(further.kind).not.toBe('resume');
  });

  test('is given up when its snapshot or its base is gone here, for the replica stays', () => {
    expect(decidePartial(request(), listing([one]), partial, contents()).kind).toBe('give up');
    expect(decidePartial(request(), listing([two]), partial, contents()).kind).toBe('give up');
  });

  test('is given up when zfs there refused to complete that very one, but a first send by a person only', () => {
    expect(decidePartial(request(), both, partial, contents(), { stuck: token }).kind).toBe(
      'give up',
    );
    const stuck = `${token}0`;
    expect(decidePartial(request(), both, partial, contents(), { stuck }).kind).toBe('resume');
    const full = contents({ fromGuid: undefined });
    expect(decidePartial(request(), both, partialPrime, full, { stuck: token })).toMatchObject({
      kind: 'refuse',
      error: {
        message: expect.stringContaining('cannot be continued'),
        hint: expect.stringContaining('zferry prime --abort-partial'),
      },
    });
  });

  test('is not continued on a target that was changed: all of it would be sent first', () => {
    const written = replica([one], { resumeToken: token, written: 1 });
    expect(decidePartial(request(), both, written, contents())).toMatchObject({
      kind: 'refuse',
      error: { exitCode: 3, hint: expect.stringContaining('zferry run --rollback') },
    });
    const prime = replica([], { resumeToken: token, written: 1 });
    const full = contents({ fromGuid: undefined });
    expect(decidePartial(request(), both, prime, full).kind).toBe('resume');
  });

  test('is given up rather than sent raw, or under a name that zfs would not send', () => {
    expect(decidePartial(request(), both, partial, contents({ raw: true })).kind).toBe('give up');
    for (const sends of [undefined, 'tank/secret@x', `tank/vm@${one.label}`]) {
      expect(decidePartial(request(), both, partial, contents({ sends })).kind).toBe('give up');
    }
  });

  test.each<[string, Partial<TokenContents>]>([
    ['another dataset', { toName: `tank/secret@${two.label}`, toGuid: '9' }],
    ['another dataset with a guid of ours', { toName: `tank/secret@${two.label}` }],
    ['a child', { toName: `tank/vm/child@${two.label}` }],
    ['a dataset whose name begins like ours', { toName: `tank/vm2@${two.label}` }],
    ['a bookmark', { toName: 'tank/vm#x' }],
    ['a snapshot of ours that never was, from nowhere', { toGuid: '9', fromGuid: '8' }],
  ])('of %s is left alone, and a person decides', (_what, changes) => {
    expect(decidePartial(request(), both, partial, contents(changes))).toMatchObject({
      kind: 'refuse',
      error: {
        exitCode: 3,
        hint: expect.stringContaining('zferry prime --abort-partial tank/vm backup:pool/vm'),
      },
    });
  });

  test('is left alone when zfs cannot read its token', () => {
    expect(decidePartial(request(), both, partial, undefined).kind).toBe('refuse');
  });

  test('of an encrypted source is continued raw, and nothing that its token says makes it plain', () => {
    const encrypted = listing([one, two], [], { encryption: encryptedBy('tank/vm', false) });
    const there = { ...partial, encryption: encryptedBy('pool/vm', false) };
    const raw = contents({ raw: true, asStored: true });
    expect(decidePartial(request(), encrypted, there, raw)).toMatchObject({
      ...{ kind: 'resume', raw: true },
    });
    expect(decidePartial(request(), encrypted, there, contents()).kind).toBe('give up');
    const prime = contents({ fromGuid: undefined });
    expect(decidePartial(request(), encrypted, partialPrime, prime).kind).toBe('refuse');
  });

  const text = fc.constantFrom(
    ...[`tank/vm@${two.label}`, `tank/vm@${one.label}`, 'tank/vm@\u001b[2J', 'tank/vm', ''],
    ...['tank/secret@x', 'tank/vm/child@x', `tank/vm@x\n@${two.label}`, '-F', '$(id)@x'],
  );
  const number = fc.constantFrom('1', '2', '3', '9', '0');
  const hostile = fc.record({
    toName: text,
    toGuid: number,
    fromGuid: fc.option(number, { nil: undefined }),
    raw: fc.boolean(),
    asStored: fc.boolean(),
    position: text,
    sends: fc.option(text, { nil: undefined }),
  });
  const some = fc.subarray([one, two, three]);
  const key = fc.constantFrom(undefined, 'tank', 'pool/vm');

  test('with a hostile token never sends anything but what the source would send by itself', () => {
    fc.assert(
      fc.property(hostile, some, some, key, fc.boolean(), (said, here, there, root, decrypt) => {
        const encryption = root === undefined ? undefined : encryptedBy(root);
        const source = listing(here, [], { encryption });
        const target = replica(there, { resumeToken: token, encryption });
        const plan = decidePartial(request({ decrypt }), source, target, said);
        if (plan.kind === 'refuse') expect(isOneLine(plan.error.message)).toBe(true);
        if (plan.kind !== 'resume') return;
        expect([said.raw, plan.raw]).toEqual(Array(2).fill(encryption !== undefined && !decrypt));
        expect(said.toName.startsWith('tank/vm@')).toBe(true);
        expect(here).toContain(plan.snapshot);
        expect(plan.snapshot.guid).toBe(said.toGuid);
        expect(said.sends).toBe(`tank/vm@${plan.snapshot.label}`);
        if (said.fromGuid === undefined) expect(there).toEqual([]);
        else
          for (const side of [here, there])
            expect(side.map(({ guid }) => guid)).toContain(said.fromGuid);
      }),
      many,
    );
  });

  test('of a first send is never given up unasked: that would destroy the target', () => {
    fc.assert(
      fc.property(fc.option(hostile, { nil: undefined }), some, (said, here) => {
        const plan = decidePartial(request(), listing(here), partialPrime, said);
        expect(plan.kind).not.toBe('give up');
      }),
      many,
    );
  });
});

describe('--properties', () => {
  const asked = request({ properties: true });
  const begunWith = (record: string | undefined) =>
    decide(asked, listing([one], [], { properties: [record, undefined] }), facts(replica([one])));

  test('goes on where the replica was begun with it', () => {
    expect(begunWith('large-blocks,properties').kind).toBe('incremental');
  });

  test.each([undefined, 'large-blocks', 'none'])('is refused where the record is %j', (record) => {
    expect(begunWith(record)).toMatchObject({
      kind: 'refuse',
      error: { kind: 'decide', message: expect.stringContaining('was begun without --properties') },
    });
  });
});
