import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { untilReceived } from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  type Pair,
  pairOf,
  property,
  snapshots,
  stateOf,
  underCron,
  unused,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { wrapTools } from './support/tools.ts';
import { areAtOne, changeBelow, newestBelow, type Root } from './support/tree.ts';

/** One tree and two targets of it, both on dst. */
let pairs: readonly [Pair, Pair];
const paths = ['', '/a', '/a/b', '/c'];

const change = () => changeBelow([src, pairs[0].source], paths);

beforeAll(async () => {
  const first = pairOf(undefined, unused(dst));
  pairs = [first, { ...pairOf(first.source, unused(dst)), log: first.log }];
  for (const path of paths) await src.ok(sh`zfs create ${`${first.source}${path}`}`);
  await change();
});
afterAll(async () => {
  for (const pair of pairs.toReversed()) await pair.remove();
});

const words = (verb: string, ...options: readonly string[]): readonly string[] => [
  verb,
  '-r',
  pairs[0].source,
  ...pairs.map(({ place }) => place),
  '--log',
  pairs[0].log,
  ...options,
];
const together = (verb: string, ...options: readonly string[]) =>
  src.run(underCron(words(verb, ...options)), { timeout: 100_000 });

const source = (): Root => [src, pairs[0].source];
const copy = ({ target }: Pair): Root => [dst, target];

/** Every member is current on both, with the one snapshot and a bookmark for each target. */
const areSteady = () => areAtOne(source(), pairs.map(copy), paths);

const linesSince = async (count: number) => (await pairs[0].lines()).slice(count);

describe('a tree and two targets', () => {
  test('are primed and kept current from one snapshot, with a log line each', async () => {
    expect(await together('prime')).toEqual(silentSuccess);
    await areSteady();
    await change();
    const tools = await wrapTools({
      zfs: 'case $1 in snapshot) echo "$*" >>"${0%/*}/calls";; esac',
    });
    expect(await src.run(underCron(words('run'), tools))).toEqual(silentSuccess);
    expect((await src.ok(sh`cat ${`${tools}/calls`}`)).split('\n')).toHaveLength(1);
    await areSteady();
    const lines = await pairs[0].lines();
    expect(lines).toHaveLength(4);
    for (const line of lines)
      expect(line).toMatch(/ replicated to dst successfully\. .*\(4 datasets\)$/);
  });

  test('one with a dataset in trouble and one that is away keep no other from being current', async () => {
    const [one, two] = pairs;
    await dst.ok(sh`zfs set readonly=off ${`${one.target}/a`}`);
    const logged = (await one.lines()).length;
    const away = 'ssh://dst:9/tank/away';
    for (const cycle of [1, 2]) {
      await change();
      const { exitCode, stderr } = await src.run(underCron([...words('run'), away]));
      expect(exitCode).toBe(3);
      expect(stderr).toContain(
        `zferry: error: ${one.place}: ${one.source}/a: ${one.target}/a on dst is writable\n`,
      );
      expect(stderr).toContain(
        `zferry: error: ${one.place}: 1 of 4 datasets are not current: ${one.source}/a\n`,
      );
      expect(stderr).toContain(`zferry: error: ${away}: `);
      await newestBelow(source(), copy(one), ['', '/a/b', '/c']);
      await newestBelow(source(), copy(two), paths);
      // The one of the last common base may be there as well, whatever came and went
      expect((await snapshots(src, `${one.source}/a`)).length).toBeLessThanOrEqual(2);
      const lines = await linesSince(logged);
      expect(lines.filter((line) => / successfully\. /.test(line))).toHaveLength(cycle);
    }
    await dst.ok(sh`zfs set readonly=on ${`${one.target}/a`}`);
    expect(await together('run')).toEqual(silentSuccess);
    await areSteady();
  });

  test('killed in the middle, the next run mends both', async () => {
    await change();
    await src.ok(sh`head -c 12000000 /dev/urandom >/${`${pairs[0].source}/c`}/big`);
    const going = src.start(underCron(words('run', '--compress', 'none', '--rate', '400K')));
    for (const { target } of pairs) {
      await untilReceived(dst, `${target}/c`, 1_000_000, 60_000);
    }
    await going.signal('KILL');
    await going.done;
    await dst.until('! pgrep -x zfs');
    for (const { target } of pairs) {
      expect(await property(dst, `${target}/c`, 'receive_resume_token')).not.toBe('-');
    }
    // The first finishes what was begun, and another prunes what both took for the other's
    for (const cycle of ['one', 'two']) {
      expect({ cycle, ...(await together('run')) }).toEqual({ cycle, ...silentSuccess });
    }
    await areSteady();
  });

  test('keep their own pace: one that is busy is skipped', async () => {
    const [slow, quick] = pairs;
    await src.ok(sh`head -c 8000000 /dev/urandom >/${`${slow.source}/c`}/big`);
    const options = ['--log', slow.log, '--compress', 'none', '--rate', '100K'];
    const going = src.start(underCron(['-r', slow.source, slow.place, ...options]));
    await src.until(sh`pgrep -f '[z]fs send.*${slow.source}/c@'`, 30_000);
    const { exitCode, stderr } = await together('run');
    expect({ exitCode, stderr }).toEqual({ exitCode: 4, stderr: '' });
    await newestBelow(source(), copy(quick), paths);
    await going.signal('TERM');
    await going.done;
    expect(await together('run')).toEqual(silentSuccess);
    await areSteady();
  });

  test('are rehearsed together, and change nothing', async () => {
    const before = await stateOf(src, pairs[0].source);
    const { exitCode, stdout, stderr } = await together('run', '--dry-run');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    for (const { target } of pairs) {
      for (const path of paths) expect(stdout).toContain(` to dst:${target}${path}\n`);
    }
    expect(await stateOf(src, pairs[0].source)).toBe(before);
  });

  test('that lie one in the other are refused', async () => {
    const [one] = pairs;
    const inner = `dst:${one.target}/a`;
    expect(await src.run(underCron(['-r', one.source, one.place, inner]))).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: `zferry: error: the target ${inner} is inside another one, ${one.place}\nzferry: hint: give each copy of a tree a place of its own\n`,
    });
  });
});
