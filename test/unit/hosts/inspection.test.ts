import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ZferryError } from '../../../src/errors.ts';
import { parseInspection } from '../../../src/hosts/inspection.ts';
import { hostileText, many } from '../support/arbitraries.ts';
import { isOneLine, refused } from '../support/refused.ts';

const lines = [
  'section inspection',
  "cannot open 'tank/vm.zferry_new': dataset does not exist",
  'filesystem\t5017936242819285976\t9\t-\t4096\t-\ttank/vm',
  'snapshot\t10430546762222035134\t10\t1\t24576\ttank/one,tank/the other\ttank/vm@a b',
  'snapshot\t4910619557183473471\t13\t0\t0\t-\ttank/vm@y',
  'bookmark\t10430546762222035134\t10\t-\t-\t-\ttank/vm#b',
];

describe('what the target has', () => {
  test('is read from the lines of zfs list', () => {
    const none = { isHeld: false, written: 0, clones: [] };
    expect(parseInspection(lines)).toEqual([
      {
        ...none,
        type: 'filesystem',
        name: 'tank/vm',
        guid: '5017936242819285976',
        createtxg: 9,
        written: 4096,
      },
      {
        type: 'snapshot',
        name: 'tank/vm@a b',
        guid: '10430546762222035134',
        createtxg: 10,
        isHeld: true,
        written: 24_576,
        clones: ['tank/one', 'tank/the other'],
      },
      { ...none, type: 'snapshot', name: 'tank/vm@y', guid: '4910619557183473471', createtxg: 13 },
      { ...none, type: 'bookmark', name: 'tank/vm#b', guid: '10430546762222035134', createtxg: 10 },
    ]);
  });

  test('is nothing where zfs knows none of the names, or one would be too long', () => {
    const none = [
      "cannot open 'tank/vm': dataset does not exist",
      "cannot open 'tank/vm.zferry_new': name is too long",
    ];
    expect(parseInspection(['section inspection', ...none])).toEqual([]);
  });

  test('is a failure when zfs complained of anything else: half a list would look like nothing in the way', () => {
    const error = refused(() => parseInspection([...lines, 'cannot iterate: I/O error']), 'failed');
    expect(error.message).toContain('I/O error');
    refused(() => parseInspection([...lines, 'snapshot\t-\t1\t0\t0\t-\ttank/vm@z']), 'failed');
  });

  test('never throws anything but a failure in one line', () => {
    fc.assert(
      fc.property(fc.array(hostileText(), { maxLength: 6 }), (said) => {
        try {
          parseInspection(['section inspection', ...said]);
        } catch (error) {
          expect(error).toBeInstanceOf(ZferryError);
          expect(isOneLine((error as ZferryError).message)).toBe(true);
        }
      }),
      many,
    );
  });
});
