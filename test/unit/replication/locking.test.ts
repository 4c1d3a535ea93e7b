import { describe, expect, test } from 'vitest';
import { parseSource } from '../../../src/hosts/place.ts';
import { agentKey, PairBusy, partiesOf, sourceKey } from '../../../src/replication/locking.ts';
import { parseGuid } from '../../../src/zfs/names.ts';
import { remotePlace, source } from '../support/pair.ts';

const target = remotePlace('backup:pool/vm');

describe('the key of a pair', () => {
  test('is what the agent program takes: sixteen hexadecimal digits', () => {
    expect(agentKey({ source, target })).toMatch(/^[0-9a-f]{16}$/);
  });

  test('is the same for every alias and user of the host, and another for another dataset', () => {
    const key = agentKey({ source, target });
    expect(agentKey({ source, target: remotePlace('root@192.0.2.1:pool/vm') })).toBe(key);
    expect(agentKey({ source, target: remotePlace('backup:pool/other') })).not.toBe(key);
    expect(agentKey({ source: parseSource('tank/other'), target })).not.toBe(key);
  });
});

describe('a source on another host', () => {
  const there = parseSource('root@nas:tank/vm');
  const guid = parseGuid('77');

  test('is known by its pool, whatever its host was called by, and is not the one of that name here', () => {
    const alias = parseSource('nas.example:tank/vm');
    const key = agentKey({ source: there, target }, guid);
    expect(agentKey({ source: alias, target }, guid)).toBe(key);
    expect(agentKey({ source: there, target }, parseGuid('78'))).not.toBe(key);
    expect(agentKey({ source, target })).not.toBe(key);
    const { key: lock } = partiesOf({ source: there, target }, guid);
    expect(partiesOf({ source: alias, target }, guid).key).toBe(lock);
    expect(partiesOf({ source, target }).key).not.toBe(lock);
  });

  test('has a key for what runs there that no other pair has, as it was typed', () => {
    const key = sourceKey({ source: there, target });
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(sourceKey({ source: there, target })).toBe(key);
    for (const other of ['backup2:pool/vm', 'backup:pool/other', 'x@backup:pool/vm']) {
      expect(sourceKey({ source: there, target: remotePlace(other) })).not.toBe(key);
    }
    expect(sourceKey({ source: parseSource('nas2:tank/vm'), target })).not.toBe(key);
  });
});

test('a target on this host is named by its dataset: there may be several', () => {
  expect(partiesOf({ source, target: parseSource('usb/vm') }).to).toBe('usb/vm');
});

describe('a pair at which another run is at work', () => {
  test('is exit 4, and says who that is where it is known', () => {
    const busy = new PairBusy(partiesOf({ source, target }), {
      pid: 4_711,
      started: '2026-11-20T08:10:00Z',
    });
    expect(busy.exitCode).toBe(4);
    expect(busy.message).toBe(
      'another run for tank/vm to backup is still at work (pid 4711, started 2026-11-20T08:10:00Z)',
    );
    expect(new PairBusy(partiesOf({ source, target }), undefined).message).toMatch(
      /still at work$/,
    );
  });
});
