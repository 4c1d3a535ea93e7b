import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from '../support/host.ts';
import { silentSuccess } from '../support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  property,
  snapshots,
  writeFiles,
} from '../support/pair.ts';
import { quote, sh } from '../support/quote.ts';
import { reportOf } from '../support/report.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const SCRIPT_FORMAT = '%Y-%m-%d %H:%M:%S';
const OLDER = '2011-12-31 23:55:00';
const PRIMED = '2012-01-09 08:39:41';

/** What the 2012 script and its instructions leave: primed by hand, the target read-only and mounted. */
const ranTheScript = async (): Promise<void> => {
  pair = await freshPair();
  const { source, target } = pair;
  await src.ok(sh`zfs snapshot ${`${source}@${OLDER}`}`);
  await writeFiles(source, 'later');
  await src.ok(sh`zfs snapshot ${`${source}@${PRIMED}`}`);
  const receive = quote(sh`zfs receive ${target} && zfs set readonly=on ${target}`);
  await src.ok(`${sh`zfs send -R ${`${source}@${PRIMED}`}`} | ssh root@dst ${receive}`);
  expect(await property(dst, target, 'mounted')).toBe('yes');
};

describe('who ran the 2012 script', () => {
  test('changes one word in the crontab, and zferry goes on from the script’s snapshot', async () => {
    await ranTheScript();
    await writeFiles(pair.source, 'now');

    expect(reportOf(await pair.cycle('--json'))).toMatchObject({
      kind: 'incremental',
      base: `${pair.source}@${PRIMED}`,
      kept: [],
    });
    const label = await newestEqual(pair);
    expect(label).toMatch(/^zferry_/);
    expect(await pair.cycle()).toEqual(silentSuccess);
    const next = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([OLDER, PRIMED, next]);
    expect(await snapshots(dst, pair.target)).toEqual([OLDER, PRIMED, next]);
    expect(await bookmarks(pair.source)).toHaveLength(1);
    expect(await property(dst, pair.target, 'mounted')).toBe('yes');
  });

  test('may continue the script’s names: only the replaced base goes, as it did', async () => {
    await ranTheScript();
    await writeFiles(pair.source, 'now');

    expect(await pair.cycle('--name-format', SCRIPT_FORMAT)).toEqual(silentSuccess);
    const label = await newestEqual(pair);
    expect(label).toMatch(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/);
    expect(await snapshots(src, pair.source)).toEqual([OLDER, label]);
    expect(await snapshots(dst, pair.target)).toEqual([OLDER, label]);
    expect((await pair.lines()).at(-1)).toContain(
      ` ${pair.source}@${label} replicated to dst successfully. incremental `,
    );

    expect(await pair.cycle('--name-format', SCRIPT_FORMAT)).toEqual(silentSuccess);
    const next = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([OLDER, next]);
    expect(await snapshots(dst, pair.target)).toEqual([OLDER, next]);
  });
});
