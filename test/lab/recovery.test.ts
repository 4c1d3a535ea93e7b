import { afterAll, afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { change } from './support/change.ts';
import { dst, src } from './support/host.ts';
import {
  diesBefore,
  diesInTheMiddle,
  inTheMiddle,
  killZferry,
  writeLongStream,
} from './support/interruption.ts';
import { changingNothing, said, silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  primedPair,
  property,
  snapshots,
  writeFiles,
} from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { without } from './support/programs.ts';
import { quote, sh } from './support/quote.ts';
import { follow, refusalOf, verdictOf } from './support/refusal.ts';
import { Relay } from './support/relay.ts';
import { reportOf } from './support/report.ts';
import type { Result } from './support/result.ts';
import { startSlowCycle } from './support/slow.ts';
import { isTidy } from './support/tidy.ts';
import { wrapTools } from './support/tools.ts';

let pair: Pair;
const relay = new Relay();
afterEach(async () => {
  await dst.run(sh`zfs destroy -R ${fresh()}; zfs destroy -R ${aside()}; true`);
  await relay.drop(pair);
});
afterAll(() => relay.end());

/** What `prime --replace` receives into. */
const fresh = () => `${pair.target}.zferry_new`;
/** Where it puts the old replica. */
const aside = () => `${pair.target}.zferry_old`;

/** The lines that were announced before something was destroyed, of a run that succeeded and said nothing else. */
const announced = ({ exitCode, stdout, stderr }: Result): readonly string[] => {
  const lines = stderr.split('\n').filter(Boolean);
  const complaints = lines.filter((line) => !/^zferry: (?!error|hint|warning)/.test(line));
  expect({ exitCode, stdout, complaints }).toEqual({ exitCode: 0, stdout: '', complaints: [] });
  return lines.map((line) => line.slice('zferry: '.length));
};

const snapshotThere = (label: string) => dst.ok(sh`zfs snapshot ${`${pair.target}@${label}`}`);

const size = String.raw`\(\d+(\.\d+)? [KM]iB\)`;

describe('run --rollback', () => {
  /** What is announced: back to the base, and these go. */
  const goingBack = (base: string, ...newer: readonly string[]) => [
    expect.stringMatching(
      new RegExp(
        `^rolling ${pair.target} on dst back to @${base}: what was written there since is lost ${size}$`,
      ),
    ),
    ...newer.map((name) => `destroying ${pair.target}${name} on dst`),
  ];
  const primed = async (): Promise<string> => {
    pair = await relay.take();
    return String((await snapshots(dst, pair.target))[0]);
  };

  test('gives up changes of the head, says so first, and the same run replicates', async () => {
    const base = await primed();
    await change(pair);
    await writeFiles(pair.source, 'second');

    expect(announced(await pair.cycle('--rollback'))).toEqual(goingBack(base));
    await isTidy(pair);
    expect(await pair.cycle()).toEqual(silentSuccess);
    relay.handOn(pair);
  });

  test('gives up what was snapshotted on top of a change, which only zfs receive notices', async () => {
    const base = await primed();
    await change(pair);
    await snapshotThere('by-somebody');
    await dst.ok(sh`zfs bookmark ${`${pair.target}@by-somebody`} ${`${pair.target}#of-somebody`}`);
    await writeFiles(pair.source, 'second');

    const logged = (await pair.lines()).length;
    const run = await pair.zferry('run', '--rollback', pair.source, pair.place);
    expect(announced(run)).toEqual(goingBack(base, '@by-somebody', '#of-somebody'));
    await isTidy(pair);
    expect(await pair.lines()).toHaveLength(logged + 1);
    relay.handOn(pair);
  });

  test('leaves newer snapshots on an unmodified head alone', async () => {
    await primed();
    await snapshotThere('by-somebody');
    await writeFiles(pair.source, 'second');

    expect(await pair.cycle('--rollback')).toEqual(silentSuccess);
    expect(await snapshots(dst, pair.target)).toEqual(['by-somebody', await newestEqual(pair)]);
    await dst.ok(sh`zfs destroy ${`${pair.target}@by-somebody`}`);
    relay.handOn(pair);
  });

  test('takes the target back behind a source that was rolled back itself', async () => {
    const base = await primed();
    const keep = ['--keep', '3', '--keep-target', 'last=3'];
    await writeFiles(pair.source, 'second');
    expect(await pair.cycle(...keep)).toEqual(silentSuccess);
    const [, newest] = await snapshots(dst, pair.target);
    await src.ok(sh`zfs rollback -r ${`${pair.source}@${base}`}`);
    await writeFiles(pair.source, 'third');
    expect((await pair.cycle(...keep)).exitCode).toBe(3);

    const run = await pair.cycle('--rollback', ...keep);
    expect(announced(run)).toEqual(goingBack(base, `@${String(newest)}`));
    expect(await snapshots(dst, pair.target)).toEqual([base, await newestEqual(pair)]);
  });

  test.each([
    ['held', sh`zfs hold mine`, /is held, and would have to go/],
    ['cloned', sh`zfs clone`, /has a clone \(.*\), and would have to go/],
  ])('destroys nothing where a newer snapshot is %s', async (what, command, words) => {
    await primed();
    await change(pair);
    await snapshotThere('first');
    await snapshotThere('second');
    await change(pair);
    const name = `${pair.target}@second`;
    const clone = `${pair.target}-clone`;
    await dst.ok(`${command} ${what === 'held' ? sh`${name}` : sh`${name} ${clone}`}`);
    onTestFinished(async () => void (await dst.run(sh`zfs release mine ${name}`)));

    const { exitCode, stdout, stderr } = await changingNothing(pair, () =>
      pair.cycle('--rollback'),
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/\nzferry: hint: .*ssh dst 'zfs (holds|destroy) /);
  });

  test('goes on with a partial receive once the changes below it are gone', async () => {
    const base = await primed();
    await writeLongStream(pair.source);
    await diesInTheMiddle(pair, 'run');
    await change(pair);

    expect(announced(await pair.cycle('--rollback'))).toEqual(goingBack(base));
    expect((await pair.lines()).at(-1)).toContain(' replicated to dst successfully. resumed ');
    await isTidy(pair);
  });

  test('does not touch a target that is writable: whoever writes there goes first', async () => {
    await primed();
    await change(pair);
    await dst.ok(sh`zfs set readonly=off ${pair.target}`);

    expect(await changingNothing(pair, () => pair.cycle('--rollback'))).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: said({
        error: `${pair.target} on dst is writable`,
        hint: `make it read-only: ssh dst 'zfs set readonly=on ${pair.target}'`,
      }),
    });
  });

  test('with --dry-run tells what would be lost, and changes nothing', async () => {
    const base = await primed();
    await change(pair);
    await snapshotThere('by-somebody');
    const { exitCode, stdout } = await changingNothing(pair, () =>
      pair.cycle('--rollback', '--dry-run'),
    );

    expect(exitCode).toBe(0);
    expect(stdout.split('\n').slice(0, 2)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^would roll ${pair.target} on dst back to ${pair.target}@${base}: what was written there since is lost ${size}$`,
        ),
      ),
      `would destroy ${pair.target}@by-somebody on dst`,
    ]);
    expect(reportOf(await pair.cycle('--rollback', '--dry-run', '--json'))).toMatchObject({
      rollback: {
        to: `${pair.target}@${base}`,
        bytes: expect.any(Number),
        destroys: [`${pair.target}@by-somebody`],
      },
    });
  });
});

describe('prime --replace', () => {
  const exists = async (dataset: string) => (await dst.run(sh`zfs list ${dataset}`)).exitCode === 0;

  /** The ID of the pair's target, from its bookmark. */
  const targetId = async (): Promise<string> =>
    String(/^zferry_([0-9a-f]{10})_/.exec(String((await bookmarks(pair.source))[0]))?.[1]);

  const oldPair = async (): Promise<{ id: string; guid: string; label: string }> => {
    pair = await relay.take();
    const [label] = await snapshots(dst, pair.target);
    const own = await property(dst, pair.target, 'guid');
    await writeFiles(pair.source, 'second');
    return { id: await targetId(), guid: own, label: String(label) };
  };

  const beginning = () =>
    `sending ${pair.source} anew beside ${pair.target} on dst, as ${fresh()}; once that is verified, the old replica is destroyed`;
  const ending = (...labels: readonly string[]) => [
    `destroying the old replica ${aside()} on dst`,
    ...labels.map((label) => `destroying ${aside()}@${label} on dst`),
  ];

  /** The new replica is in its place, protected, and nothing of the old one or of the way there is left. */
  const isReplaced = async ({ id, guid }: { id: string; guid: string }): Promise<void> => {
    await isTidy(pair);
    expect(await property(dst, pair.target, 'guid')).not.toBe(guid);
    expect(await exists(fresh())).toBe(false);
    expect(await exists(aside())).toBe(false);
    expect(await property(dst, pair.target, 'readonly')).toBe('on');
    expect(await property(dst, pair.target, 'canmount')).toBe('noauto');
    expect(await property(dst, pair.target, 'mounted')).toBe('no');
    expect(await bookmarks(pair.source)).toEqual([expect.stringContaining(`zferry_${id}_`)]);
    const [label] = await snapshots(src, pair.source);
    expect(await property(src, `${pair.source}@${String(label)}`, 'zferry:for')).toBe(id);
    const properties = sh`zfs get -H -s local -o property all ${pair.source}`;
    const own = (await src.ok(properties)).split('\n').filter((name) => name.startsWith('zferry:'));
    expect(own.toSorted()).toEqual([`zferry:stream.${id}`, `zferry:target.${id}`]);

    await writeFiles(pair.source, 'afterwards');
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
    relay.handOn(pair);
  };

  test('sends anew beside the old replica, says what goes, and changes places when it is verified', async () => {
    const old = await oldPair();

    expect(announced(await pair.prime('--replace'))).toEqual([beginning(), ...ending(old.label)]);
    expect((await pair.lines()).at(-1)).toMatch(/ replicated to dst successfully\. full /);
    await isReplaced(old);
  });

  test('mends a pair without a common snapshot, as the hint says', async () => {
    const old = await oldPair();
    await src.ok(
      sh`zfs destroy ${`${pair.source}@%`} && zfs destroy ${`${pair.source}#${String((await bookmarks(pair.source))[0])}`}`,
    );
    const { hint } = verdictOf(await pair.cycle());
    expect(hint).toBe(
      `send it anew; the old replica is destroyed once the new one is verified: zferry prime --replace ${pair.source} dst`,
    );

    await follow(hint);
    await isReplaced(old);
  });

  test('is a plain prime where there is nothing to replace', async () => {
    pair = await freshPair();

    expect(await pair.prime('--replace')).toEqual(silentSuccess);
    await isTidy(pair);
    expect(await exists(fresh())).toBe(false);
  });

  test('never mounts the new replica, also where the old one is mounted', async () => {
    const old = await oldPair();
    await dst.ok(sh`zfs set canmount=on ${pair.target} && zfs mount ${pair.target}`);
    const mounts = await dst.ok('cat /proc/mounts');
    expect(mounts).toContain(`/${pair.target} `);

    expect((await pair.prime('--replace')).exitCode).toBe(0);
    expect(await dst.ok('cat /proc/mounts')).not.toContain(pair.target);
    await isReplaced(old);
  });

  test('killed while it sends: cycles go on with the old replica, and the same command goes on where it stopped', async () => {
    const old = await oldPair();
    await writeLongStream(pair.source);
    const run = await inTheMiddle({ ...pair, target: fresh() }, 'prime', '--replace');
    await run.signal('KILL');
    await run.done;
    await dst.until('! pgrep -x zfs');
    expect(await pair.cycle()).toEqual(silentSuccess);
    expect(await property(dst, pair.target, 'guid')).toBe(old.guid);
    const [label] = await snapshots(dst, pair.target);

    expect(announced(await pair.prime('--replace'))).toEqual([
      beginning(),
      ...ending(String(label)),
    ]);
    expect((await pair.lines()).at(-1)).toContain(' replicated to dst successfully. resumed ');
    // What the cycle in between sent is newer: the next one brings it
    await src.ok(sh`rm /${pair.source}/big`);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isReplaced(old);
  });

  test('killed before they change places: cycles go on with the old replica, and the same command brings the new one up to date', async () => {
    const old = await oldPair();
    await diesBefore(pair, ['prime', '--replace'], `bookmark*#zferry_${old.id}_*`);
    expect(await exists(fresh())).toBe(true);
    expect(await pair.cycle()).toEqual(silentSuccess);
    expect(await property(dst, pair.target, 'guid')).toBe(old.guid);

    expect((await pair.prime('--replace')).exitCode).toBe(0);
    expect((await pair.lines()).at(-1)).toContain(' successfully. incremental ');
    await isReplaced(old);
  });

  test('killed between the two renames: cycles and prime name the command that goes on, and it does', async () => {
    const old = await oldPair();
    await diesBefore(pair, ['prime', '--replace'], `set*zferry:stream.${old.id}=*`);
    expect(await exists(pair.target)).toBe(false);
    const verdict = {
      exitCode: 3,
      error: `${pair.target} on dst does not exist, but its old replica ${aside()} does: prime --replace was interrupted`,
      hint: `go on with it: zferry prime --replace ${pair.source} dst`,
    };
    expect(verdictOf(await pair.cycle())).toEqual(verdict);
    expect(verdictOf(await pair.prime())).toEqual(verdict);

    await follow(verdict.hint);
    await isReplaced(old);
  });

  test('killed before the old replica goes: cycles go on with the new one and say so, and the same command ends it', async () => {
    const old = await oldPair();
    await diesBefore(pair, ['prime', '--replace'], 'inherit*');
    expect(await property(dst, pair.target, 'guid')).not.toBe(old.guid);
    expect(await pair.cycle()).toEqual(silentSuccess);
    expect((await pair.lines()).at(-1)).toContain(
      `(${aside()} is still there, left by prime --replace)`,
    );

    const { exitCode, stderr } = await pair.prime('--replace');
    expect({ exitCode, stderr: stderr.trimEnd().split('\n') }).toEqual({
      exitCode: 0,
      stderr: ending(old.label).map((line) => `zferry: ${line}`),
    });
    await isReplaced(old);
  });

  test('keeps an old replica that is held, says how it can go, and removes it later', async () => {
    const old = await oldPair();
    const name = `${pair.target}@${old.label}`;
    await dst.ok(sh`zfs hold mine ${name}`);

    expect(announced(await pair.prime('--replace'))).toEqual([
      beginning(),
      `keeping the old replica ${aside()} on dst: it is held; once it can go: ssh dst 'zfs destroy -r ${aside()}'`,
    ]);
    expect((await pair.lines()).at(-1)).toMatch(
      new RegExp(` \\(kept dst:${aside()}: it is held\\)$`),
    );
    expect(await snapshots(dst, aside())).toEqual([old.label]);
    expect(await pair.cycle()).toEqual(silentSuccess);
    await dst.ok(sh`zfs release mine ${`${aside()}@${old.label}`}`);
    expect((await pair.prime('--replace')).exitCode).toBe(0);
    await isReplaced(old);
  });

  test.each([
    ['a dataset below it', () => sh`zfs create ${`${pair.target}/child`}`, 'has datasets below it'],
    [
      'a clone',
      (label: string) => sh`zfs clone ${`${pair.target}@${label}`} ${`${pair.target}-c`}`,
      'has a clone',
    ],
  ])('refuses an old replica with %s before anything is sent', async (_what, command, words) => {
    const old = await oldPair();
    await dst.ok(command(old.label));
    const made = [`${pair.target}-c`, `${pair.target}/child`];
    onTestFinished(async () => {
      for (const name of made) await dst.run(sh`zfs destroy ${name}`);
    });

    const { exitCode, error, hint } = await refusalOf(pair, () => pair.prime('--replace'));
    expect(exitCode).toBe(3);
    expect(error).toContain(words);
    expect(hint).toContain("ssh dst 'zfs ");
    expect(await exists(fresh())).toBe(false);
    relay.handOn(pair);
  });

  test('does not replace a dataset that somebody writes to', async () => {
    await oldPair();
    await dst.ok(sh`zfs set readonly=off ${pair.target}`);

    const { exitCode, error } = await refusalOf(pair, () => pair.prime('--replace'));
    expect({ exitCode, error }).toEqual({
      exitCode: 3,
      error: `${pair.target} on dst is writable`,
    });
    await dst.ok(sh`zfs set readonly=on ${pair.target}`);
    relay.handOn(pair);
  });

  test('with --dry-run tells what would be sent and destroyed, and changes nothing', async () => {
    const old = await oldPair();
    const { exitCode, stdout } = await changingNothing(pair, () =>
      pair.prime('--replace', '--dry-run'),
    );

    expect(exitCode).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(new RegExp(`and send all of it to dst:${fresh()}$`));
    expect(lines.slice(3)).toEqual([
      `would then put ${fresh()} in the place of ${pair.target} on dst`,
      `would then destroy the old ${pair.target} on dst`,
      `would then destroy the old ${pair.target}@${old.label} on dst`,
    ]);
    expect(await exists(fresh())).toBe(false);
    relay.handOn(pair);
  });
});

describe('forget', () => {
  const forget = (...words: readonly string[]) =>
    src.run(sh`zferry forget ${pair.source}`.concat(' ', words.map(quote).join(' ')));
  const ownProperties = async () =>
    (await src.ok(sh`zfs get -H -s local -o property all ${pair.source}`))
      .split('\n')
      .filter((name) => name.startsWith('zferry:'));
  const idOf = async (): Promise<string> =>
    String(/^zferry_([0-9a-f]{10})_/.exec(String((await bookmarks(pair.source)).at(-1)))?.[1]);
  const mark = (label: string) => property(src, `${pair.source}@${label}`, 'zferry:for');

  test('removes what the source keeps for a target that is gone, without asking it, and says so', async () => {
    pair = await primedPair();
    const [label] = await snapshots(src, pair.source);
    const [bookmark] = await bookmarks(pair.source);
    const id = await idOf();
    const result = await without(src, ['ssh'], () => forget(pair.place));

    expect(result).toEqual({
      exitCode: 0,
      stdout: `${pair.source} has forgotten ${pair.place} (${id})\n`,
      stderr: [
        `zferry: destroying ${pair.source}@${String(label)}\n`,
        `zferry: destroying ${pair.source}#${String(bookmark)}\n`,
        `zferry: removing zferry:stream.${id} from ${pair.source}\n`,
        `zferry: removing zferry:target.${id} from ${pair.source}\n`,
      ].join(''),
    });
    expect(await snapshots(src, pair.source)).toEqual([]);
    expect(await bookmarks(pair.source)).toEqual([]);
    expect(await ownProperties()).toEqual([]);
    expect(await forget(pair.place)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: said({
        error: `${pair.source} has no target ${pair.place}`,
        hint: 'it has none at all',
      }),
    });
  });

  test('--recursive does so for all of a tree, the root last', async () => {
    pair = await primedPair();
    const child = `${pair.source}/a child`;
    await src.ok(sh`zfs create ${child}`);
    expect(await pair.cycle('--recursive')).toEqual(silentSuccess);
    const id = await idOf();
    const [bookmark = ''] = await bookmarks(child);
    expect(bookmark).toContain(id);

    const rehearsal = await changingNothing(pair, () => forget(pair.place, '-r', '-n'));
    expect(rehearsal.stdout).toContain(`would destroy ${child}#${bookmark}\n`);
    const { exitCode, stderr } = await forget(pair.place, '-r');
    expect(exitCode).toBe(0);
    const lines = stderr.split('\n');
    // By what the source has, an interrupted try is found again.
    expect(lines.indexOf(`zferry: destroying ${child}#${bookmark}`)).toBeLessThan(
      lines.indexOf(`zferry: removing zferry:target.${id} from ${pair.source}`),
    );
    for (const dataset of [pair.source, child]) {
      expect(await snapshots(src, dataset)).toEqual([]);
      expect(await bookmarks(dataset)).toEqual([]);
    }
    const local = await src.ok(sh`zfs get -H -r -s local -o property all ${pair.source}`);
    expect(local).not.toContain(`.${id}`);
  });

  test('leaves a history and what others made, also when the target is primed anew', async () => {
    pair = await primedPair();
    const keep = ['--keep', '3'];
    expect(await pair.cycle(...keep)).toEqual(silentSuccess);
    expect(await pair.cycle(...keep)).toEqual(silentSuccess);
    await src.ok(sh`zfs snapshot ${`${pair.source}@mine`}`);
    const [first = '', second = ''] = await snapshots(src, pair.source);
    const { exitCode, stderr } = await forget(pair.place);

    expect(exitCode).toBe(0);
    for (const label of [first, second]) {
      expect(stderr).toContain(`zferry: keeping ${pair.source}@${label}: `);
      expect(await mark(label)).toBe('forgotten');
    }
    expect(await snapshots(src, pair.source)).toEqual([first, second, 'mine']);
    await dst.ok(sh`zfs destroy -r ${pair.target}`);
    expect(await pair.prime(...keep)).toEqual(silentSuccess);
    const newest = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([first, second, 'mine', newest]);
  });

  test('leaves what another target needs: its next cycle goes on', async () => {
    pair = await primedPair();
    const second = `dst:${pair.target}-b`;
    onTestFinished(async () => void (await dst.run(sh`zfs destroy -r ${`${pair.target}-b`}`)));
    expect((await pair.zferry('prime', pair.source, second)).exitCode).toBe(0);
    const [, its] = await bookmarks(pair.source);
    expect((await forget(pair.place)).exitCode).toBe(0);

    expect(await bookmarks(pair.source)).toEqual([its]);
    expect(await ownProperties()).toHaveLength(2);
    await writeFiles(pair.source, 'more');
    expect(reportOf(await pair.zferry(pair.source, second, '--json'))).toMatchObject({
      kind: 'incremental',
      kept: [],
    });
    await newestEqual({ ...pair, target: `${pair.target}-b` });
    expect(await snapshots(src, pair.source)).toHaveLength(1);
  });

  test('takes the ID of a target that was never verified, which the hint tells', async () => {
    pair = await freshPair();
    await diesBefore(pair, ['prime'], 'send*');
    const id = await idOf();
    expect(await forget(pair.place)).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: said({
        error: `${pair.source} has no target ${pair.place}`,
        hint: `it has ${id} (never verified); an ID does too: zferry forget ${pair.source} ${id}`,
      }),
    });

    expect((await forget(id)).exitCode).toBe(0);
    expect(await snapshots(src, pair.source)).toEqual([]);
    expect(await bookmarks(pair.source)).toEqual([]);
    expect(await ownProperties()).toEqual([]);
  });

  test('means every pool that was made anew at that place', async () => {
    const pool = await smallPool(dst, 'anew', 128);
    pair = await primedPair(undefined, `${pool}/replica`);
    await dst.ok(sh`zpool destroy ${pool}`);
    await smallPool(dst, 'anew', 128);
    expect((await pair.prime()).exitCode).toBe(0);
    expect(await ownProperties()).toHaveLength(4);

    expect((await forget(`root@${pair.place}`)).exitCode).toBe(0);
    expect(await ownProperties()).toEqual([]);
    expect(await bookmarks(pair.source)).toEqual([]);
  });

  test('waits for nobody: while a run is at work it ends with 4, and nothing is gone', async () => {
    pair = await primedPair();
    const id = await idOf();
    const run = await startSlowCycle(pair, 20);
    const before = await bookmarks(pair.source);
    for (const name of [pair.place, id]) {
      const { exitCode, stdout, stderr } = await forget(name);
      expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: '' });
      expect(stderr).toMatch(/^zferry: error: another run for \S+ to dst is still at work/);
    }
    expect(await bookmarks(pair.source)).toEqual(before);
    await run.signal('TERM');
    await run.done;
  });

  test('cut short before its last step goes on with the same command', async () => {
    pair = await primedPair();
    const tools = await wrapTools({
      zfs: `case "$*" in inherit*) ${killZferry}; exit 1;; esac`,
    });
    const killed = await src.run(
      `${sh`PATH=${`${tools}:/usr/local/bin:/usr/bin:/bin`} zferry forget ${pair.source} ${pair.place}`}; exit $?`,
    );
    expect(killed.exitCode).toBe(137);
    expect(await bookmarks(pair.source)).toEqual([]);

    expect((await forget(pair.place)).exitCode).toBe(0);
    expect(await ownProperties()).toEqual([]);
  });

  test('with --dry-run tells what would go, and changes nothing', async () => {
    pair = await primedPair();
    const [label] = await snapshots(src, pair.source);
    const [bookmark] = await bookmarks(pair.source);
    const id = await idOf();
    const properties = await ownProperties();
    const result = await changingNothing(pair, () => forget(pair.place, '--dry-run'));

    expect(result).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: [
        `would destroy ${pair.source}@${String(label)}\n`,
        `would destroy ${pair.source}#${String(bookmark)}\n`,
        `would remove zferry:stream.${id} from ${pair.source}\n`,
        `would remove zferry:target.${id} from ${pair.source}\n`,
      ].join(''),
    });
    expect(await ownProperties()).toEqual(properties);
  });
});
