import { describe, expect, test } from 'vitest';
import { keptProperties, unreceivedProperties } from '../../../src/replication/properties.ts';
import { parseTargetId } from '../../../src/replication/target-id.ts';
import { bookmark, listing, request, snapshot } from '../support/pair.ts';

const id = parseTargetId('00000000aa');
if (id === undefined) throw new Error('no id');
const sending = request({ properties: true });
const source = listing([snapshot(1)], [bookmark(1, 'zferry_00000000bb_1'), bookmark(1, 'mine')]);
const volume = { ...source, type: 'volume' } as const;

describe('what a target keeps of its own', () => {
  test('is all of it where no properties are sent, so that nothing need be said', () => {
    expect(keptProperties(request(), source, id, 'full')).toEqual([]);
  });

  test('of a filesystem is where it appears, and how much room it has', () => {
    const first = keptProperties(sending, source, id, 'full');
    expect(first).toEqual(
      expect.arrayContaining(['mountpoint', 'sharenfs', 'sharesmb', 'quota', 'refreservation']),
    );
    // The receive sets them itself: zfs refuses one of which it is told both.
    for (const name of ['readonly', 'canmount', 'volmode']) expect(first).not.toContain(name);
    expect(keptProperties(sending, source, id, 'incremental')).toEqual(
      expect.arrayContaining(['readonly', 'canmount', ...first]),
    );
  });

  test('of a volume is nothing that a volume has not', () => {
    const later = keptProperties(sending, volume, id, 'incremental');
    expect(later).toEqual(expect.arrayContaining(['readonly', 'volmode', 'snapdev']));
    for (const name of ['canmount', 'mountpoint', 'quota', 'sharenfs']) {
      expect(later).not.toContain(name);
    }
    expect(keptProperties(sending, volume, id, 'volume')).not.toContain('readonly');
  });

  test('is none of zferry’s records, of this target or another that has a bookmark', () => {
    const own = keptProperties(sending, source, id, 'full').filter((name) => name.includes(':'));
    expect(own.toSorted()).toEqual([
      ...['zferry:stream.00000000aa', 'zferry:stream.00000000bb'],
      ...['zferry:target.00000000aa', 'zferry:target.00000000bb'],
    ]);
  });
});

test('properties that were not set there are told in the words of zfs, but for those that it keeps', () => {
  const refused = 'cannot receive org:x property on pool/vm: permission denied';
  const said = [
    'receiving full stream of tank/vm@1 into pool/vm@1',
    'cannot receive mountpoint property on pool/vm: permission denied',
    refused,
    'received 1K stream in 1 seconds',
  ];
  expect(unreceivedProperties({ said }, ['mountpoint'])).toEqual([refused]);
});
