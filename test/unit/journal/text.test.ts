import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Failed, Replicated, Skipped } from '../../../src/journal/entry.ts';
import { bytesShown, secondsShown, textLine, timestamp } from '../../../src/journal/text.ts';
import { hostileText, many } from '../support/arbitraries.ts';
import { failed, replicated, skipped } from '../support/entries.ts';
import { isOneLine } from '../support/refused.ts';

describe('a line of the text log', () => {
  test('says that a cycle succeeded in the words of the 2012 script', () => {
    expect(textLine(replicated())).toBe(
      '2026-11-20T08:05:02Z tank/vm@zferry_2026-11-20T08:05:00Z replicated to backup successfully. incremental 12.3 MiB in 2.1 s',
    );
  });

  test('says that a cycle failed in the words of the 2012 script', () => {
    expect(textLine(failed())).toBe(
      '2026-11-20T08:05:02Z tank/vm@zferry_2026-11-20T08:05:00Z failed to replicate to backup! ERROR! ssh: connect to host backup port 22: No route to host',
    );
  });

  test('names the dataset alone when no snapshot had been made', () => {
    expect(textLine(failed({ snapshot: undefined }))).toContain('Z tank/vm failed to replicate');
  });

  test('names the host of a source that is on another one, and the dataset of a target here', () => {
    const line = textLine(replicated({ sourceHost: 'root@nas', to: 'backup/nas/vm' }));
    expect(line).toContain(
      'Z root@nas:tank/vm@zferry_2026-11-20T08:05:00Z replicated to backup/nas/vm successfully.',
    );
  });

  test('adds what a reader should know', () => {
    const entry = replicated({
      notes: ['not compressed: no lzop on backup'],
      kept: ['tank/vm@a: dataset is busy'],
      bytes: undefined,
    });
    expect(textLine(entry)).toMatch(
      /successfully\. incremental in 2\.1 s \(not compressed: no lzop on backup; kept tank\/vm@a: dataset is busy\)$/,
    );
  });

  test('counts what was carried over, unless that is nothing', () => {
    const end = (carried: number) => textLine(replicated({ carried, bytes: undefined })).slice(-40);
    expect(end(0)).toMatch(/ in 2\.1 s$/);
    expect(end(1)).toMatch(/ in 2\.1 s \(1 snapshot carried over\)$/);
    expect(end(2)).toMatch(/\(2 snapshots carried over\)$/);
  });

  test('adds it to a failure too, behind the reason', () => {
    expect(textLine(failed({ error: 'out of space', kept: ['tank/vm@a: held'] }))).toMatch(
      /ERROR! out of space \(kept tank\/vm@a: held\)$/,
    );
  });

  test('says what the run that is still at work does', () => {
    const about = { pid: 4711, started: '2026-11-20T08:10:00.000Z' };
    const holder = { ...about, sent: 44_238_987_264, total: 85_899_345_920 };
    expect(textLine(skipped({ holder }))).toBe(
      '2026-11-20T08:05:02Z tank/vm skipped for backup: the run of 08:10:00 (pid 4711) is still sending, 41.2 GiB of about 80 GiB',
    );
    expect(textLine(skipped({ holder: { ...about, sent: 1_024 } }))).toMatch(/sending, 1 KiB$/);
    expect(textLine(skipped({ holder: about }))).toMatch(/\(pid 4711\) is still at work$/);
    expect(textLine(skipped())).toMatch(/skipped for backup: another run is at work$/);
  });

  test('is one line with its time first, whatever text is in it', () => {
    fc.assert(
      fc.property(hostileText(), hostileText(), (one, two) => {
        const all = [
          replicated({ notes: [one], kept: [two], target: one }),
          failed({ error: one, hint: two }),
          skipped({ holder: { pid: 1, started: two } }),
        ];
        for (const line of all.map(textLine)) {
          expect(isOneLine(line)).toBe(true);
          expect(line.startsWith('2026-11-20T08:05:02Z tank/vm')).toBe(true);
        }
      }),
      many,
    );
  });

  test('has the words of success only when it was one', () => {
    const unlucky: readonly (Failed | Skipped)[] = [failed(), skipped()];
    for (const entry of unlucky) expect(textLine(entry)).not.toContain('successfully');
    const lucky: Replicated = replicated();
    expect(textLine(lucky)).not.toContain('ERROR');
  });
});

describe('a time', () => {
  test('is ISO 8601 in UTC, to the second', () => {
    expect(timestamp(new Date('2026-11-20T08:05:02.999Z'))).toBe('2026-11-20T08:05:02Z');
    expect(timestamp(new Date('2026-11-20T09:05:02+01:00'))).toBe('2026-11-20T08:05:02Z');
  });
});

describe('seconds and bytes', () => {
  test.each([
    [0, '0.0 s'],
    [2.14, '2.1 s'],
    [59.94, '59.9 s'],
    [59.96, '1 min 0 s'],
    [200, '3 min 20 s'],
    [3_599.4, '59 min 59 s'],
    [3_599.6, '1 h 0 min'],
    [7_500, '2 h 5 min'],
    [360_000, '100 h 0 min'],
  ])('%d seconds read as %s', (seconds, shown) => {
    expect(secondsShown(seconds)).toBe(shown);
  });

  test('never read as 60 seconds or 60 minutes', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), (seconds) => {
        expect(secondsShown(seconds)).not.toMatch(/\b60(\.0)? (s|min)/);
      }),
      many,
    );
  });

  test.each([
    [0, '0 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [12_897_485, '12.3 MiB'],
    [85_899_345_920, '80 GiB'],
  ])('%d bytes read as %s', (bytes, shown) => {
    expect(bytesShown(bytes)).toBe(shown);
  });
});
