import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { change as changeReplica } from './support/change.ts';
import { dst, src } from './support/host.ts';
import { during, untilReceived } from './support/interruption.ts';
import { liar } from './support/liar.ts';
import { nextSecond } from './support/looks.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  pairOf,
  primedPair,
  property,
  snapshots,
  stateOf,
  underCron,
  unused,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { follow, verdictOf } from './support/refusal.ts';
import { wrapTools } from './support/tools.ts';
import { areAtOne, below, changeBelow, newestBelow, type Root } from './support/tree.ts';

let tree: Pair;
const children = ['a', 'a/b', 'c', 'd'];
const all = () => ['', ...children.map((child) => `/${child}`)];
const roots = (): readonly [Root, Root] => [
  [src, tree.source],
  [dst, tree.target],
];

beforeAll(async () => {
  tree = pairOf();
  await src.ok(sh`zfs create ${tree.source}`);
  for (const child of children) await src.ok(sh`zfs create ${`${tree.source}/${child}`}`);
  await change();
});
afterAll(async () => tree.remove());

/** Writes into each of the tree's datasets. */
const change = () => changeBelow([src, tree.source], all());

const run = (...options: readonly string[]) => tree.cycle('--recursive', ...options);

/** The newest label of a dataset below both, where it is the same snapshot on both hosts. */
const current = async (path: string): Promise<string> =>
  (await newestBelow(...roots(), [path]))[0] ?? '';

/** Of these members, the newest label that all of them have on both sides. */
const allCurrent = async (paths = all()): Promise<string> => {
  const labels = new Set(await newestBelow(...roots(), paths));
  expect(labels.size).toBe(1);
  return [...labels][0] ?? '';
};

/** How often each is there. */
const tally = (words: readonly (string | undefined)[]): Readonly<Record<string, number>> => {
  const groups = Map.groupBy(words, (word) => word ?? '');
  return Object.fromEntries([...groups].map(([word, { length }]) => [word, length]));
};

const lastLine = async () => (await tree.lines()).at(-1) ?? '';

describe('a tree', () => {
  test('is primed in one run, read-only and never mounted', async () => {
    expect(await tree.prime('--recursive')).toEqual(silentSuccess);
    await allCurrent();
    expect(await lastLine()).toMatch(/replicated to dst successfully\. full .* \(5 datasets\)$/);
    const there = await dst.ok(sh`zfs list -H -r -o readonly,canmount,mounted ${tree.target}`);
    expect(new Set(there.split('\n'))).toEqual(new Set(['on\tnoauto\tno']));
  });

  test('is there already when it is primed again', async () => {
    const before = await snapshots(src, `${tree.source}/a/b`);
    expect(await tree.prime('--recursive')).toMatchObject({
      exitCode: 0,
      stdout: `${tree.source} is already primed on ${tree.place}\n`,
    });
    expect(await snapshots(src, `${tree.source}/a/b`)).toEqual(before);
  });

  test('has all of it at one snapshot when it is primed again after a part of it', async () => {
    const child = `${tree.source}/later`;
    await src.ok(sh`zfs create ${child}`);
    const rehearsal = await tree.prime('--recursive', '--dry-run');
    expect(rehearsal.stdout).toMatch(/would make \S+\/a@\S+ and send what changed since /);
    expect(rehearsal.stdout).not.toContain('already primed');
    expect(await tree.prime('--recursive')).toEqual(silentSuccess);
    const label = await allCurrent([...all(), '/later']);
    expect(await lastLine()).toMatch(
      new RegExp(`@${label} replicated to dst successfully.* \\(6 datasets\\)$`),
    );
    await src.ok(sh`zfs destroy -r ${child}`);
    await dst.ok(sh`zfs destroy -r ${`${tree.target}/later`}`);
  });

  test('is as it was at one moment, by one ssh, and leaves one snapshot and one bookmark each', async () => {
    await change();
    const note = 'echo "$*" >>"${0%/*}/calls"';
    const tools = await wrapTools({ ssh: note, zfs: note });
    const there = '/tmp/tree-zfs-calls';
    const words = ['-r', tree.source, tree.place, '--log', tree.log];
    await dst.ok(sh`rm -f ${there}`);
    const options = await liar({ zfs: `echo $1 >>${there}` });
    await nextSecond();
    expect(await src.run(underCron([...words, ...options], tools))).toEqual(silentSuccess);
    await isTidy();
    const txgs = await src.ok(sh`zfs list -Hp -r -t snapshot -o createtxg ${tree.source}`);
    expect(new Set(txgs.split('\n')).size).toBe(1);
    const calls = (await src.ok(sh`cat ${`${tools}/calls`}`)).split('\n');
    expect(calls.filter((call) => call.includes('zferry-agent'))).toHaveLength(1);
    // All bookmarks by one program, and all snapshots: zfs destroys bookmarks one by one only
    expect(tally(calls.map((call) => call.split(' ')[0]))).toEqual({
      ...{ '-T': 1, snapshot: 1, list: 1, program: 2, send: all().length, destroy: all().length },
    });
    // One listing of snapshots before, one of names after
    const said = await dst.ok(sh`cat ${there}; rm ${there}`);
    expect(tally(said.split('\n'))).toEqual({
      ...{ get: 1, list: 2, receive: all().length, program: 1 },
    });
  });

  test('has new children primed by the way, and says which have no source any more', async () => {
    await src.ok(sh`zfs create ${`${tree.source}/new`}; zfs destroy -r ${`${tree.source}/d`}`);
    expect(await run()).toEqual(silentSuccess);
    await allCurrent(['', '/a', '/a/b', '/c', '/new']);
    expect(await property(dst, `${tree.target}/new`, 'readonly')).toBe('on');
    expect(await lastLine()).toContain(`${tree.target}/d has no source any more, and stays`);
    expect(await snapshots(dst, `${tree.target}/d`)).toHaveLength(1);
    await dst.ok(sh`zfs destroy -r ${`${tree.target}/d`}`);
    children.splice(children.indexOf('d'), 1, 'new');
  });

  test('leaves out what a pattern matches and what is too deep', async () => {
    const before = await current('/c');
    expect(await run('--exclude', 'c', '--max-depth', '1')).toEqual(silentSuccess);
    const label = await allCurrent(['', '/a', '/new']);
    expect(label).not.toBe(before);
    expect(await snapshots(src, `${tree.source}/c`)).toEqual([before]);
    expect(await snapshots(src, `${tree.source}/a/b`)).toEqual([before]);
    expect(await lastLine()).toMatch(/\(3 datasets\)$/);
  });
});

describe('a dataset in trouble keeps no other', () => {
  test('where it is refused before anything is sent', async () => {
    await dst.ok(sh`zfs set readonly=off ${`${tree.target}/a`}`);
    const result = await run();
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain(`zferry: error: ${tree.target}/a on dst is writable`);
    expect(result.stderr).toContain(`1 of 5 datasets are not current: ${tree.source}/a`);
    await allCurrent(['', '/a/b', '/c', '/new']);
    const lines = (await tree.lines()).slice(-2).join('\n');
    expect(lines).toMatch(new RegExp(`${tree.source}/a\\S* failed to replicate to dst! ERROR!`));
    expect(lines).not.toContain('successfully');
    await dst.ok(sh`zfs set readonly=on ${`${tree.target}/a`}`);
  });

  test('where zfs receive refuses its stream in the middle of the others', async () => {
    await change();
    const file = `${tree.target}/a`;
    // A change below a snapshot: only zfs receive sees it
    await changeReplica(pairOf(`${tree.source}/a`, file));
    await dst.ok(sh`zfs snapshot ${`${file}@mine`}`);
    const result = await run();
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain(`${file} on dst was changed`);
    await allCurrent(['', '/a/b', '/c', '/new']);
  });

  test('and is rolled back where that is asked for, the others going on', async () => {
    const result = await src.run(
      underCron(['run', '-r', '--rollback', tree.source, tree.place, '--log', tree.log]),
    );
    expect(result.exitCode).toBe(0);
    await newestBelow(...roots(), all());
    expect(await snapshots(dst, `${tree.target}/a`)).not.toContain('mine');
  });

  test('where it was destroyed on the target: a person decides', async () => {
    await dst.ok(sh`zfs destroy -r ${`${tree.target}/c`}`);
    const result = await run();
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain(`${tree.target}/c on dst does not exist`);
    expect(result.stderr).toContain(
      `zferry prime ${tree.source}/c ${tree.place}/c`.replace(tree.place, `dst:${tree.target}`),
    );
    // As the hint says; the tree then goes on with what is there
    expect(await tree.zferry('prime', `${tree.source}/c`, `dst:${tree.target}/c`)).toEqual(
      silentSuccess,
    );
    expect(await run()).toEqual(silentSuccess);
    await allCurrent();
  });
});

test('a dataset that the target has no room for is tried again, and named until there is', async () => {
  const full = `${tree.target}/c`;
  const used = Number(await property(dst, full, 'used'));
  await dst.ok(sh`zfs set quota=${used + 2_000_000} ${full}`);
  await src.ok(sh`head -c 6000000 /dev/urandom >/${`${tree.source}/c`}/large`);
  const result = await run();
  expect(result.exitCode).toBe(1);
  expect(result.stderr).toContain(`destination ${full} space quota exceeded`);
  expect(result.stderr).toContain(`1 of 5 datasets are not current: ${tree.source}/c\n`);
  await allCurrent(['', '/a', '/a/b', '/new']);
  const lines = (await tree.lines()).slice(-2).join('\n');
  expect(lines).toMatch(new RegExp(`${tree.source}/c\\S* failed to replicate to dst! ERROR!`));
  await dst.ok(sh`zfs set quota=none ${full}`);
  expect(await run()).toEqual(silentSuccess);
  await isTidy();
});

test('a child that was primed alone, under no bookmark of the tree, is kept current by the tree', async () => {
  const child = `${tree.source}/own`;
  await src.ok(sh`zfs create ${child}`);
  const place = `dst:${tree.target}/own`;
  expect(await tree.zferry('prime', child, place)).toEqual(silentSuccess);
  expect(await run()).toEqual(silentSuccess);
  await allCurrent([...all(), '/own']);
  expect(await lastLine()).not.toContain('primed already');
  expect(await bookmarks(child)).toHaveLength(1);
  await src.ok(sh`zfs destroy -r ${child}`);
  await dst.ok(sh`zfs destroy -r ${`${tree.target}/own`}`);
});

test('an interrupted tree goes on where it was, dataset by dataset', async () => {
  await change();
  await src.ok(sh`head -c 30000000 /dev/urandom >/${`${tree.source}/c`}/big`);
  const words = [
    '-r',
    tree.source,
    tree.place,
    '--log',
    tree.log,
    '--compress',
    'none',
    '--rate',
    '2M',
  ];
  const going = src.start(underCron(words));
  await during(going, untilReceived(dst, `${tree.target}/c`, 7_000_000));
  await going.signal('KILL');
  await going.done;
  await dst.until('! pgrep -x zfs');
  const token = await property(dst, `${tree.target}/c`, 'receive_resume_token');
  expect(token).not.toBe('-');
  const tools = await wrapTools({ zfs: 'echo "$*" >>"${0%/*}/calls"' });
  const again = ['-r', tree.source, tree.place, '--log', tree.log];
  expect(await src.run(underCron(again, tools))).toEqual(silentSuccess);
  const calls = (await src.ok(sh`cat ${`${tools}/calls`}`)).split('\n');
  expect(calls.filter((call) => /^send (?!-nvP).*-t /.test(call))).toEqual([
    expect.stringContaining(token),
  ]);
  await isTidy();
});

/** All members are current, with one snapshot and one bookmark each. */
const isTidy = () => {
  const [source, copy] = roots();
  return areAtOne(source, [copy], all());
};

test.each([
  ['list', 'list*'],
  ['program for its bookmarks', 'program*bookmark*'],
  ['send', 'send*'],
  ['program for its snapshots', 'program*destroy*'],
  ['destroy', 'destroy*'],
])('killed when it would run zfs %s, the next run puts all in order', async (_what, words) => {
  await change();
  const tools = await wrapTools({
    zfs: `case $* in ${words}) pkill -KILL -f ^/usr/local/bin/zferry; exit 1;; esac`,
  });
  const options = ['-r', tree.source, tree.place, '--log', tree.log];
  const { exitCode } = await src.run(underCron(options, tools));
  expect(exitCode).toBe(137);
  await dst.until('! pgrep -x zfs');
  expect(await run()).toEqual(silentSuccess);
  await isTidy();
});

describe('what cannot go with the others, of all snapshots by one program,', () => {
  test('stays where it is held or cloned, and goes once it may', async () => {
    const old = await allCurrent();
    const clone = `${dst.pool}/${tree.target.split('/').at(-1)}-clone`;
    await src.ok(sh`zfs hold keep ${`${tree.source}/a@${old}`}`);
    await dst.ok(sh`zfs clone -o readonly=on ${`${tree.target}/c@${old}`} ${clone}`);
    expect(await run()).toEqual(silentSuccess);
    const label = await allCurrent();
    const said = await lastLine();
    expect(said).toMatch(/\/a@\S+ .*it is held/);
    expect(said).toMatch(/\/c@\S+ .*it has clones/);
    expect(await snapshots(src, `${tree.source}/a`)).toEqual([old, label]);
    expect(await snapshots(src, `${tree.source}/c`)).toEqual([label]);
    expect(await snapshots(dst, `${tree.target}/c`)).toEqual([old, label]);
    expect(await snapshots(dst, `${tree.target}/a`)).toEqual([label]);
    await src.ok(sh`zfs release keep ${`${tree.source}/a@${old}`}`);
    await dst.ok(sh`zfs destroy ${clone}`);
    expect(await run()).toEqual(silentSuccess);
    await isTidy();
  });

  test('stays on the target where another has its name by now', async () => {
    const old = await allCurrent();
    const name = `${tree.target}/c@${old}`;
    const again = sh`$real destroy ${name}; $real snapshot ${name}`.replaceAll("'$real'", '$real');
    const options = await liar({ zfs: `case $1 in program) ${again};; esac` });
    const { exitCode, stderr } = await run(...options);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(`${name} could not be pruned: it is not what it was`);
    expect(await snapshots(dst, `${tree.target}/c`)).toContain(old);
    await dst.ok(sh`zfs destroy ${name}`);
    await isTidy();
  });

  test('goes one by one where zfs knows no programs', async () => {
    const zfs = 'case $1 in program) echo unrecognized command >&2; exit 2;; esac';
    const tools = await wrapTools({ zfs });
    const options = [...(await liar({ zfs })), '-r', tree.source, tree.place, '--log', tree.log];
    expect(await src.run(underCron(options, tools))).toEqual(silentSuccess);
    await isTidy();
  });
});

describe('several datasets at a time', () => {
  test('go by one login, and leave no connection', async () => {
    await change();
    const tools = await wrapTools({ ssh: `exec "$real" -v -E "\${0%/*}/log" "$@"` });
    const words = ['-r', tree.source, tree.place, '--log', tree.log, '--parallel', '3'];
    expect(await src.run(underCron(words, tools))).toEqual(silentSuccess);
    await isTidy();
    expect(await src.ok(sh`grep -c '^Authenticated to' ${`${tools}/log`}`)).toBe('1');
    // The master answers that it goes before it has gone
    await src.until("! pgrep -f 'ssh:.*[m]ux'");
  });

  test('keep each other from nothing, new ones among them', async () => {
    await src.ok(sh`zfs create -p ${`${tree.source}/more/below`}`);
    await changeReplica(pairOf(`${tree.source}/a`, `${tree.target}/a`));
    const result = await run('--parallel', '4');
    expect(result.exitCode).toBe(3);
    expect(result.stderr).toContain(`1 of ${children.length + 3} datasets are not current`);
    await allCurrent(
      all()
        .filter((path) => path !== '/a')
        .concat('/more', '/more/below'),
    );
    await dst.ok(
      sh`zfs rollback ${`${tree.target}/a@${(await snapshots(dst, `${tree.target}/a`)).at(-1)}`}`,
    );
    children.push('more', 'more/below');
    expect(await run('--parallel', '10', '--rate', '50M')).toEqual(silentSuccess);
    await isTidy();
  });

  test.each(['0', '-1', '11', 'two'])('are no %s', async (count) => {
    const result = await run('--parallel', count);
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain(`'${count}' is`);
  });
});

test('a run for a part of a tree waits for neither: the second says so', async () => {
  await src.ok(sh`head -c 20000000 /dev/urandom >/${`${tree.source}/c`}/big`);
  const slow = ['--compress', 'none', '--rate', '500K'];
  const going = src.start(underCron(['-r', tree.source, tree.place, '--log', tree.log, ...slow]));
  await src.until(sh`pgrep -f '[z]fs send.*${tree.source}/c@'`, 30_000);
  const part = [`${tree.source}/a`, `dst:${tree.target}/a`, '--log', tree.log];
  expect((await src.run(underCron(part))).exitCode).toBe(4);
  await going.signal('TERM');
  await going.done;
  expect(await src.run(underCron(part))).toEqual(silentSuccess);
  // What was made for the part alone is a base for the tree as well
  expect(await run()).toEqual(silentSuccess);
  await allCurrent();
});

describe('what is somebody else’s takes in nothing of a tree', () => {
  /** Neither a run, nor a first send, nor a look ahead gets in there or leaves anything here: each says that error. */
  const isLeftAlone = async (source: string, target: string, error: string): Promise<void> => {
    const sides = () => Promise.all([stateOf(src, source), stateOf(dst, target)]);
    const before = await sides();
    for (const words of [['run'], ['prime'], ['run', '--dry-run']]) {
      const { exitCode, stderr } = await tree.zferry(...words, '-r', source, `dst:${target}`);
      expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: expect.stringContaining(error) });
      expect(stderr.match(/error:/g)).toHaveLength(1);
      expect(stderr).toContain('zferry: hint: give another name for the target');
      expect(await sides()).toEqual(before);
    }
  };

  test('neither where its root would be the replica of another source, nor below that', async () => {
    const other = await primedPair();
    onTestFinished(other.remove);
    await isLeftAlone(
      tree.source,
      other.target,
      `${other.target} on dst is not a replica of ${tree.source}: they have no common snapshot`,
    );
    expect(await other.cycle()).toEqual(silentSuccess);
  });

  test('nor where a part of it would go where all of it is', async () => {
    const part = `${tree.source}/a`;
    await src.ok(sh`zfs create ${`${part}/late`}`);
    await isLeftAlone(part, tree.target, `${tree.target} on dst is not a replica of ${part}:`);
    await src.ok(sh`zfs destroy -r ${`${part}/late`}`);
  });

  test.each([
    ['read-only', ['-o', 'readonly=on']],
    ['writable', []],
  ])('nor where a dataset of another origin stands, %s', async (_, options) => {
    const target = unused(dst);
    await dst.ok(`zfs create ${options.join(' ')} ${target}`);
    onTestFinished(async () => void (await dst.ok(sh`zfs destroy -r ${target}`)));
    await isLeftAlone(tree.source, target, `${target} on dst has no snapshots`);
  });

  test('nor where one stands in the middle of it: the others go on', async () => {
    const theirs = `${tree.target}/theirs`;
    await dst.ok(sh`zfs create -o readonly=on ${theirs} && zfs snapshot ${`${theirs}@theirs`}`);
    await src.ok(sh`zfs create -p ${`${tree.source}/theirs/below/it`}`);
    const before = await stateOf(dst, theirs);
    for (const options of [['--dry-run'], []]) {
      const { exitCode, stderr } = await run(...options);
      expect(exitCode).toBe(3);
      expect(stderr).toContain(
        `${tree.source}/theirs and ${theirs} on dst have no common snapshot`,
      );
      expect(stderr).toContain(
        `zferry: error: ${theirs}/below is not made: ${theirs} on dst above it is not a replica of ${tree.source}/theirs\nzferry: hint: leave that and all below it out: --exclude theirs\n`,
      );
      expect(stderr).toContain(`${theirs}/below/it is not made: ${theirs} on dst above it`);
    }
    expect(await stateOf(dst, theirs)).toBe(before);
    const label = await allCurrent();
    expect(await src.ok(sh`zfs list -H -r -t all -o name ${`${tree.source}/theirs`}`)).not.toMatch(
      /[@#]/,
    );
    // As the hint says
    expect(await run('--exclude', 'theirs')).toEqual(silentSuccess);
    expect(await allCurrent()).not.toBe(label);
    await src.ok(sh`zfs destroy -r ${`${tree.source}/theirs`}`);
    await dst.ok(sh`zfs destroy -r ${theirs}`);
  });

  test('but a root that has lost all that it had in common is still its own, and keeps no child', async () => {
    const pair = await freshPair();
    onTestFinished(pair.remove);
    const kept = below(pair, 'kept');
    await src.ok(sh`zfs create ${kept.source}; touch /${kept.source}/file`);
    expect(await pair.prime('-r')).toEqual(silentSuccess);
    const [label] = await snapshots(dst, kept.target);
    await dst.ok(sh`zfs destroy ${`${pair.target}@${label}`}`);
    await src.ok(sh`zfs create ${`${pair.source}/new`}`);
    const { exitCode, stderr } = await pair.cycle('-r');
    expect(exitCode).toBe(3);
    expect(stderr).toContain(`1 of 3 datasets are not current: ${pair.source}\n`);
    expect(await newestEqual(kept)).not.toBe(label);
    expect(await snapshots(dst, `${pair.target}/new`)).toHaveLength(1);
  });

  test('and is sent anew with all below it, the old ones set aside, by the command of the hint', async () => {
    const pair = await freshPair();
    const old = `${pair.target}_old`;
    onTestFinished(async () => {
      await pair.remove();
      await dst.ok(sh`zfs destroy -r ${old}`);
    });
    const child = below(pair, 'child');
    await src.ok(sh`zfs create ${child.source}; touch /${child.source}/file`);
    expect(await pair.prime('-r')).toEqual(silentSuccess);
    const [label] = await snapshots(dst, pair.target);
    await dst.ok(sh`zfs snapshot ${`${pair.target}@theirs`}`);
    await dst.ok(sh`zfs destroy ${`${pair.target}@${label}`}`);

    const { stderr } = await pair.cycle('-r');
    expect(stderr).toContain('have no common snapshot');
    expect(stderr).toContain('zferry prime --replace');
    const replaced = verdictOf(await pair.prime('--replace'));
    expect(replaced).toMatchObject({
      exitCode: 3,
      error: `${pair.target} on dst has datasets below it, such as ${child.target}, and is not replaced`,
    });
    await follow(replaced.hint);
    expect(await pair.cycle('-r')).toEqual(silentSuccess);
    await newestEqual(pair);
    await newestEqual(child);
    expect(await snapshots(dst, `${old}/child`)).toEqual([expect.any(String)]);
  });
});

test('what is missing above the target is made, read-only and never mounted', async () => {
  const above = `${dst.pool}/${tree.source.slice(src.pool.length + 1)}-above`;
  const place = `dst:${above}/between/root`;
  expect(await tree.zferry('prime', '-r', `${tree.source}/a`, place)).toEqual(silentSuccess);
  const made = await dst.ok(
    sh`zfs get -H -o value readonly,canmount,mounted ${above} ${`${above}/between`}`,
  );
  expect(made.split('\n')).toEqual(['on', 'off', 'no', 'on', 'off', 'no']);
  expect(await snapshots(dst, `${above}/between/root/b`)).toHaveLength(1);
  await dst.ok(sh`zfs destroy -r ${above}`);

  const gone = await tree.zferry('prime', '-r', `${tree.source}/gone`, place);
  expect(gone.exitCode).toBe(3);
  expect((await dst.run(sh`zfs list ${above}`)).exitCode).toBe(1);
});

test('--properties is for a tree that was begun with it: then no mark stays on the target', async () => {
  const before = await allCurrent();
  const refused = await run('--properties');
  expect(refused.exitCode).toBe(3);
  expect(refused.stderr).toContain(`${tree.target} on dst was begun without --properties`);
  expect(await allCurrent()).toBe(before);
  const target = `${tree.target}-p`;
  await src.ok(sh`zfs set atime=off ${`${tree.source}/a/b`}`);
  const words = ['-r', `${tree.source}/a`, `dst:${target}`, '--properties'];
  expect(await tree.zferry('prime', ...words)).toEqual(silentSuccess);
  expect(await tree.zferry('run', ...words)).toEqual(silentSuccess);
  const marks = await dst.ok(sh`zfs get -H -r -t snapshot -o value zferry:for ${target}`);
  expect(new Set(marks.split('\n'))).toEqual(new Set(['-']));
  expect(await property(dst, `${target}/b`, 'atime')).toBe('off');
  expect(await property(dst, `${target}/b`, 'readonly')).toBe('on');
  await dst.ok(sh`zfs destroy -r ${target}`);
});

test.each([
  ['--exclude', 'a'],
  ['--max-depth', '1'],
  ['--parallel', '2'],
])('%s without --recursive is wrong', async (option, value) => {
  expect(await tree.cycle(option, value)).toMatchObject({
    exitCode: 2,
    stderr: `zferry: error: ${option} is about the datasets below the source\nzferry: hint: add --recursive\n`,
  });
});
