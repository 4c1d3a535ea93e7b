import { describe, expect, test } from 'vitest';
import { progressTeller } from '../../../src/cli/progress.ts';

const MIB = 2 ** 20;

/** What is told last, of reports a second apart that say so many MiB. */
const told = (sent: readonly number[], total: number | undefined): string => {
  const tell = progressTeller();
  const lines = sent.map((mebibytes, second) =>
    tell(
      { sent: mebibytes * MIB, total: total === undefined ? undefined : total * MIB },
      (second + 1) * 1_000,
    ),
  );
  return lines.at(-1) ?? '';
};

describe('the progress of a stream', () => {
  test.each([[[8]], [[8, 10]], [[8, 10, 12]]])(
    'has no rate yet at its beginning, which fills buffers: %j',
    (sent) => {
      const last = sent.at(-1);
      expect(told(sent, 100)).toBe(`${last} MiB of about 100 MiB, ${last} %`);
    },
  );

  test('has a rate that does not count what filled the buffers', () => {
    expect(told([6, 7, 8, 10, 12], 100)).toBe(
      '12 MiB of about 100 MiB, 12 %, 2 MiB/s, 44.0 s left',
    );
  });

  test('follows a rate that changes within ten seconds', () => {
    const fast = Array.from({ length: 30 }, (_, second) => 10 * second + 10);
    const slow = Array.from({ length: 10 }, (_, second) => 301 + second);
    expect(told([...fast, ...slow], 1000)).toBe(
      '310 MiB of about 1000 MiB, 31 %, 1 MiB/s, 11 min 30 s left',
    );
  });

  test('comes to a rate of nothing when nothing moves, and says no more how long it takes', () => {
    expect(told([3, 4, 5, ...Array.from({ length: 11 }, () => 6)], 10)).toBe(
      '6 MiB of about 10 MiB, 60 %, 0 B/s',
    );
  });

  test('says nothing of a total that turned out too low, or that is not known', () => {
    expect(told([6, 7, 8, 10], 9)).toBe('10 MiB, 2 MiB/s');
    expect(told([6, 7, 8, 10], undefined)).toBe('10 MiB, 2 MiB/s');
    expect(told([6, 7, 8, 10], 10)).toBe('10 MiB of about 10 MiB, 100 %, 2 MiB/s, 0.0 s left');
  });

  test('is the share that has gone, not the nearest', () => {
    expect(told([999, 1999], 2000)).toMatch(/, 99 %$/);
  });
});
