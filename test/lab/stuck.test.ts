import { afterEach, describe, expect, test } from 'vitest';
import { change } from './support/change.ts';
import { dst, src } from './support/host.ts';
import { diesInTheMiddle, writeLongStream } from './support/interruption.ts';
import { liar } from './support/liar.ts';
import { changingNothing, silentSuccess } from './support/outcome.ts';
import { bookmarks, freshPair, type Pair, primedPair, snapshots } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { follow, refusalOf, verdictOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';
import { isTidy } from './support/tidy.ts';

let pair: Pair;
afterEach(async () => pair.remove());

const upgrade =
  'dst: cannot receive resume stream: kernel modules must be upgraded to receive this stream.';

/** A partial increment on the target. Answers the snapshots of the source: the base, and what was being sent. */
const interrupted = async (): Promise<readonly string[]> => {
  pair = await primedPair();
  await writeLongStream(pair.source);
  await diesInTheMiddle(pair, 'run');
  return await snapshots(src, pair.source);
};

describe('a partial increment', () => {
  test('that zfs refuses for good, because of a snapshot made on the target, is given up by the second cycle', async () => {
    const [base] = await interrupted();
    await dst.ok(sh`zfs snapshot ${`${pair.target}@theirs`}`);

    // The rest of the stream has to go there before zfs looks at it as a whole
    expect(verdictOf(await pair.cycle())).toEqual({ exitCode: 1, error: upgrade, hint: undefined });
    expect(await snapshots(dst, pair.target)).toEqual([base, 'theirs']);
    expect(reportOf(await pair.cycle('--json'))).toMatchObject({
      kind: 'incremental',
      kept: [],
      notes: [`a partial receive was refused: ${upgrade}`],
    });
    await isTidy(pair, 'theirs');
  });

  test('goes on when only the bookmark of its base is left here', async () => {
    const [base] = await interrupted();
    await src.ok(sh`zfs destroy ${`${pair.source}@${String(base)}`}`);
    expect(reportOf(await pair.cycle('--json'))).toMatchObject({ kind: 'resumed' });
    await isTidy(pair);
  });

  test('is given up when nothing of its base is left here but an older one is on both sides', async () => {
    pair = await primedPair();
    await src.ok(sh`zfs snapshot ${`${pair.source}@mine`}`);
    await src.ok(
      sh`zfs send -i ${`@${String((await snapshots(src, pair.source))[0])}`} ${`${pair.source}@mine`} | ssh dst zfs receive -u ${pair.target}`,
    );
    await writeLongStream(pair.source);
    // With a history to keep all snapshots are listed, and the newest is the base
    await diesInTheMiddle(pair, 'run', '--keep', '9');
    const [, from] = await bookmarks(pair.source);
    await src.ok(
      sh`zfs destroy ${`${pair.source}@mine`}; zfs destroy ${`${pair.source}#${String(from)}`}`,
    );
    expect(reportOf(await pair.cycle('--json'))).toMatchObject({ kind: 'incremental', kept: [] });
    await isTidy(pair, 'mine');
  });

  test('keeps its base on the target from being destroyed; without both, two hints mend it', async () => {
    const [base] = await interrupted();
    const name = `${pair.target}@${String(base)}`;
    const { exitCode, stderr } = await dst.run(sh`zfs destroy ${name}`);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining('has dependent clones'),
    });
    await dst.ok(sh`zfs destroy -R ${name}`);

    const { exitCode: code, hint } = await refusalOf(pair, pair.cycle);
    expect(code).toBe(3);
    await follow(hint);
    await follow((await refusalOf(pair, pair.cycle)).hint);
    await isTidy(pair);
    expect(await pair.cycle()).toEqual(silentSuccess);
  });

  test('is not continued on a target that was changed; after the hint’s command it is', async () => {
    await interrupted();
    await change(pair);
    const { exitCode, hint } = await refusalOf(pair, pair.cycle);
    expect(exitCode).toBe(3);
    await follow(hint);
    // The command has no --log, as it stands in the hint.
    expect(await src.ok(sh`grep ${pair.source}@ /var/log/zferry.log`)).toMatch(
      / replicated to dst successfully\. resumed /,
    );
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });

  test('and a change hidden by a snapshot on the target: after the hint’s command cycles go on', async () => {
    await interrupted();
    await change(pair);
    await dst.ok(sh`zfs snapshot ${`${pair.target}@theirs`}`);
    expect(verdictOf(await pair.cycle()).exitCode).toBe(1);
    const { exitCode, hint } = verdictOf(await pair.cycle());
    expect({ exitCode, hint }).toEqual({
      exitCode: 3,
      hint: expect.stringContaining('zferry run --rollback'),
    });
    await follow(hint);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });

  test('that somebody gave up, with a newer snapshot sent by hand, is in nobody’s way', async () => {
    const [base, sent] = await interrupted();
    await dst.ok(sh`zfs receive -A ${pair.target}`);
    await src.ok(
      sh`zfs send -i ${`@${String(base)}`} ${`${pair.source}@${String(sent)}`} | ssh dst zfs receive -u ${pair.target}`,
    );
    expect(reportOf(await pair.cycle('--json'))).toMatchObject({
      kind: 'incremental',
      base: `${pair.source}@${String(sent)}`,
    });
    await isTidy(pair);
  });
});

describe('a first send that zfs refuses to complete', () => {
  test('is left for a person, whose command begins anew', async () => {
    pair = await freshPair();
    await writeLongStream(pair.source);
    await diesInTheMiddle(pair, 'prime');
    const label = String((await snapshots(src, pair.source))[0]);
    // No way is known to bring zfs to it in a first send: the words are its own, from an increment
    const options = await liar({
      zfs: `[ "$1 $2" = "receive -A" ] || [ "$1" != receive ] || ! $real get -H -o value receive_resume_token ${pair.target} | grep -q ^1- || {
        cat >/dev/null; echo 'cannot receive resume stream: kernel modules must be upgraded to receive this stream.' >&2; exit 1; }`,
    });

    const { exitCode, error, hint } = verdictOf(
      await changingNothing(pair, () => pair.cycle(...options)),
    );
    expect({ exitCode, error }).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst has a partial receive of ${pair.source}@${label}, which cannot be continued`,
    });
    expect((await pair.lines()).at(-1)).toContain(
      ` failed to replicate to dst! ERROR! ${error} (a partial receive was refused: ${upgrade})`,
    );
    await follow(hint);
    await isTidy(pair);
  });
});
