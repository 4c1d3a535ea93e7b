import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encryptionNote,
  encryptionProblem,
  goesRaw,
  newEncryptionProblem,
} from '../../../src/replication/encryption.ts';
import { newReplicaNotes } from '../../../src/replication/new-replica.ts';
import { parseStreamRecord, streamRecord } from '../../../src/replication/stream-record.ts';
import type { SourceListing } from '../../../src/zfs/listing.ts';
import { encryptedBy, facts, listing, replica, request, snapshot } from '../support/pair.ts';

const one = snapshot(1);
const decrypt = request({ decrypt: true });

/** An encrypted source, and what it has on record about the series. */
const encrypted = (record?: string, changes: Partial<SourceListing> = {}): SourceListing =>
  listing([one], [], {
    encryption: encryptedBy('tank', false),
    properties: [record, undefined],
    ...changes,
  });

const raw = replica([one], { encryption: encryptedBy('pool/vm', false) });
const plain = replica([one]);
const below = replica([one], { encryption: encryptedBy('pool') });
const partial = { resumeToken: '1-a-b-c' };

describe('what is on record of a series', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), (raw, properties) => {
        const record = streamRecord({ raw, properties });
        expect(parseStreamRecord(record)).toEqual({ largeBlocks: true, raw, properties });
      }),
    );
  });

  test('may be of another making: nothing, or words that nobody knows', () => {
    expect(parseStreamRecord(undefined)).toBeUndefined();
    expect(parseStreamRecord('something')).toEqual({
      ...{ largeBlocks: false, raw: false, properties: false },
    });
  });
});

test('an encrypted source goes raw unless a flag says otherwise, and a plain one never does', () => {
  expect(goesRaw(request(), encrypted())).toBe(true);
  expect(goesRaw(decrypt, encrypted())).toBe(false);
  expect(goesRaw(request(), listing([one]))).toBe(false);
});

describe('raw and plain are never mixed', () => {
  test('raw goes on with a raw replica, plain with a plain one, key loaded there or not', () => {
    for (const record of [undefined, 'large-blocks,raw']) {
      expect(encryptionProblem(request(), encrypted(record), raw)).toBeUndefined();
    }
    for (const record of [undefined, 'large-blocks']) {
      expect(encryptionProblem(decrypt, encrypted(record), plain)).toBeUndefined();
      expect(encryptionProblem(decrypt, encrypted(record), below)).toBeUndefined();
    }
    expect(encryptionProblem(request(), listing([one]), plain)).toBeUndefined();
  });

  test('raw does not go into a plain replica, on record or not, and the hint goes on in the clear', () => {
    for (const record of [undefined, 'large-blocks']) {
      for (const there of [plain, below]) {
        expect(encryptionProblem(request(), encrypted(record), there)).toMatchObject({
          exitCode: 3,
          message:
            'pool/vm on backup is a plain replica, and tank/vm is encrypted and sent raw: the two are never mixed',
          hint: 'to go on with it in the clear: zferry run --decrypt tank/vm backup:pool/vm',
        });
      }
    }
    // Whatever is on record: what is not encrypted is no raw replica.
    expect(encryptionProblem(request(), encrypted('large-blocks,raw'), plain)?.exitCode).toBe(3);
  });

  test('plain does not go into a raw replica, and the hint leaves the flag away', () => {
    for (const record of [undefined, 'large-blocks,raw']) {
      expect(encryptionProblem(decrypt, encrypted(record), raw)).toMatchObject({
        exitCode: 3,
        message:
          'pool/vm on backup is a raw replica, and --decrypt sends plain: the two are never mixed',
        hint: 'go on without it: zferry run tank/vm backup:pool/vm',
      });
    }
  });

  test('also not in a first send that was interrupted, as far as it is on record', () => {
    const begun = replica([], { ...partial, encryption: encryptedBy('pool/vm', false) });
    expect(encryptionProblem(decrypt, encrypted('large-blocks,raw'), begun)?.exitCode).toBe(3);
    expect(
      encryptionProblem(request(), encrypted('large-blocks'), replica([], partial))?.exitCode,
    ).toBe(3);
    expect(encryptionProblem(request(), encrypted(), begun)).toBeUndefined();
  });
});

describe('below an encrypted dataset', () => {
  const locked = encryptedBy('pool', false);

  test('a plain stream is received where its key is loaded, and that is said', () => {
    const there = facts(undefined, { parentEncryption: encryptedBy('pool') });
    expect(newEncryptionProblem(request(), listing([one]), there)).toBeUndefined();
    expect(encryptionNote(request(), listing([one]), there)).toBe(
      'encrypted on backup with the key of pool',
    );
    expect(encryptionNote(request(), listing([one]), facts(undefined))).toBeUndefined();
  });

  test('nothing plain is begun or continued where it is not', () => {
    const there = facts(undefined, { parentEncryption: locked });
    expect(newEncryptionProblem(request(), listing([one]), there)).toMatchObject({
      exitCode: 3,
      message:
        'pool on backup is encrypted, and its key is not loaded there: it cannot take a plain stream',
      hint: "load it: ssh backup 'zfs load-key pool'",
    });
    const begun = replica([one], { encryption: locked });
    expect(encryptionProblem(request(), listing([one]), begun)).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('pool/vm on backup is encrypted'),
    });
  });

  test('a raw stream needs no key of anybody', () => {
    const there = facts(undefined, { parentEncryption: locked });
    expect(newEncryptionProblem(request(), encrypted(), there)).toBeUndefined();
    expect(encryptionNote(request(), encrypted(), there)).toBeUndefined();
    expect(encryptionProblem(request(), encrypted(), raw)).toBeUndefined();
  });
});

test('of a new replica it is said that it shares no blocks, and whose key it has', () => {
  const there = facts(undefined, { parentEncryption: encryptedBy('pool') });
  const clone = listing([one], [], { origin: 'tank/base@x' });
  expect(newReplicaNotes(request(), clone, there, undefined)).toEqual([
    'sent as a full dataset, although it is a clone of tank/base@x',
    'encrypted on backup with the key of pool',
  ]);
  expect(newReplicaNotes(request(), clone, facts(undefined), 'tank/base@x')).toEqual([
    'sent as a clone of tank/base@x',
  ]);
  expect(newReplicaNotes(request(), listing([one]), facts(undefined), undefined)).toEqual([]);
});
