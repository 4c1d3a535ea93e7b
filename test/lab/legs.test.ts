import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { streamsPerLeg } from '../../src/hosts/convoy-agent.ts';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import { type Pair, pairOf, underCron, writeBigFile } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { allBelow } from './support/tree.ts';

// A tree of more datasets than the target takes before it looks at what came of them, so that it does so more than once.
let tree: Pair;
const members = Array.from({ length: streamsPerLeg + 3 }, (_, index) => `m${index + 10}`);
const last = members.at(-1) ?? '';

const eachMember = (command: string): string =>
  `for m in ${members.join(' ')}; do ${command} || exit 1; done`;

beforeAll(async () => {
  tree = pairOf();
  await src.ok(`zfs create ${tree.source}; ${eachMember(`zfs create ${tree.source}/$m`)}`);
  expect(await tree.prime('-r')).toEqual(silentSuccess);
}, 120_000);
afterAll(async () => tree.remove());

const change = async () => {
  await src.ok(eachMember(`date +%N >/${tree.source}/$m/file`));
};

/** How many of the datasets have so many of that type on the source. */
const having = async (count: number, type: 'snapshot' | 'bookmark'): Promise<number> => {
  const found = await allBelow(src, tree.source, type);
  return [...found.values()].filter(({ length }) => length === count).length;
};

const isTidy = async () => {
  const [here, there] = await Promise.all([
    allBelow(src, tree.source, 'snapshot'),
    allBelow(dst, tree.target, 'snapshot'),
  ]);
  expect(there).toEqual(here);
  const labels = [...here.values()].map((own) => own.map(({ label }) => label).join());
  expect(new Set(labels).size).toBe(1);
  for (const type of ['snapshot', 'bookmark'] as const) {
    expect(await having(1, type)).toBe(members.length + 1);
  }
};

/** A cycle whose last stream takes long; done when only that is on its way, and all of the first leg is recorded. */
const inTheLastStream = async () => {
  await change();
  await writeBigFile(`${tree.source}/${last}`, 'big', 20);
  const words = ['-r', tree.source, tree.place, '--log', tree.log];
  const run = src.start(
    underCron([...words, '--compress', 'none', '--rate', '1M', '--stall', '15s']),
  );
  await src.until(sh`pgrep -f '[z]fs send.*/${last}@'`, 60_000);
  await src.until(
    sh`test "$(zfs list -H -r -t bookmark -o name ${tree.source} | wc -l)" = ${2 * (members.length + 1) - streamsPerLeg}`,
    30_000,
  );
  return run;
};

test('what has arrived is recorded and pruned on both sides while the rest is on its way, which kill -9 does not undo', async () => {
  const run = await inTheLastStream();
  expect(await having(1, 'bookmark')).toBe(streamsPerLeg);
  expect(await having(1, 'snapshot')).toBe(streamsPerLeg);
  const there = await allBelow(dst, tree.target, 'snapshot');
  const first = [...there].filter(([path]) => path < `/${members[streamsPerLeg - 1] ?? ''}`);
  expect(first.map(([, { length }]) => length)).toEqual(first.map(() => 1));
  await run.signal('KILL');
  await run.done;
  expect(await having(1, 'bookmark')).toBe(streamsPerLeg);
  expect(await tree.cycle('-r')).toEqual(silentSuccess);
  await isTidy();
});

test('it stays so when the target falls silent', async () => {
  const run = await inTheLastStream();
  await dst.ok('pkill -KILL -f "^sh -c : [z]ferry-agent"; pkill -KILL -f "[z]fs receive" || true');
  expect((await run.done).exitCode).toBe(1);
  expect(await having(1, 'bookmark')).toBe(streamsPerLeg);
  expect(await tree.cycle('-r')).toEqual(silentSuccess);
  await isTidy();
});

test('a member in trouble behind the first leg is named, and keeps no other', async () => {
  await change();
  const member = members.at(-2) ?? '';
  await dst.ok(sh`zfs set readonly=off ${`${tree.target}/${member}`}`);
  onTestFinished(
    async () => void (await dst.run(sh`zfs set readonly=on ${`${tree.target}/${member}`}`)),
  );
  const { exitCode, stderr } = await tree.cycle('-r');
  expect(exitCode).toBe(3);
  expect(stderr).toContain(
    `1 of ${members.length + 1} datasets are not current: ${tree.source}/${member}`,
  );
  const [here, there] = await Promise.all([
    allBelow(src, tree.source, 'snapshot'),
    allBelow(dst, tree.target, 'snapshot'),
  ]);
  const newest = (of: typeof here) => [...of].map(([path, own]) => [path, own.at(-1)]);
  const others = (of: typeof here) => newest(of).filter(([path]) => path !== `/${member}`);
  expect(others(there)).toEqual(others(here));
  await dst.ok(sh`zfs set readonly=on ${`${tree.target}/${member}`}`);
  expect(await tree.cycle('-r')).toEqual(silentSuccess);
  await isTidy();
});
