import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseDatasetName, parseSnapshotLabel } from '../../src/zfs/names.ts';
import { dst, type Host, src } from './support/host.ts';
import { logTime, silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  counterpart,
  freshPair,
  newestEqual,
  type Pair,
  pairOf,
  primedPair,
  snapshots,
  stateOf,
  unused,
  writeFiles,
} from './support/pair.ts';
import { smallPool } from './support/pool.ts';
import { sh } from './support/quote.ts';
import { makeUser, receiverRights } from './support/user.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** A regular expression for exactly this text. */
const exactly = (text: string): string => RegExp.escape(text);

/** One line of each form of the log, with every name in it as it is. */
const isLogged = async (place: string, label: string): Promise<void> => {
  const host = place.replace(/:.*/, '');
  const [primed = '', line] = (await pair.lines()).slice(-2);
  expect(JSON.parse(primed)).toMatchObject({
    result: 'replicated',
    source: pair.source,
    target: place,
    host,
    kind: 'full',
  });
  expect(line).toMatch(
    new RegExp(
      `^${logTime} ${exactly(`${pair.source}@${label} replicated to ${host} successfully.`)} incremental [0-9.]+ [KM]?i?B in [0-9.]+ s$`,
    ),
  );
};

/** A first send and a cycle with something in it: the same names and files on both sides, and nothing else. */
const replicates = async ({ place, options = [] }: Partial<Carried> = {}): Promise<string> => {
  const target = place ?? pair.place;
  const prime = ['prime', '--log-format', 'json', ...options, pair.source, target];
  expect(await pair.zferry(...prime)).toEqual(silentSuccess);
  await writeFiles(pair.source, 'second');
  expect(await pair.zferry(...options, pair.source, target)).toEqual(silentSuccess);
  const label = await newestEqual(pair);
  expect(await snapshots(src, pair.source)).toEqual([label]);
  expect(await snapshots(dst, pair.target)).toEqual([label]);
  expect(await bookmarks(pair.source)).toHaveLength(1);
  await isLogged(target, label);
  return label;
};

interface Carried {
  /** The target as it is typed, where not as the pair has it. */
  readonly place: string;
  readonly options: readonly string[];
}

/** A dataset of src, below parents on both hosts that the test removes. */
const nested = async (...parts: readonly string[]): Promise<string> => {
  const top = unused();
  const parent = [top, ...parts.slice(0, -1)].join('/');
  await src.ok(sh`zfs create -p ${parent}`);
  onTestFinished(async () => void (await src.run(sh`zfs destroy -r ${top}`)));
  await dst.ok(sh`zfs create -p ${counterpart(parent)}`);
  onTestFinished(async () => void (await dst.run(sh`zfs destroy -r ${counterpart(top)}`)));
  return [top, ...parts].join('/');
};

describe('a component of a name', () => {
  test('may have the characters that this OpenZFS takes, and no others', async () => {
    pair = pairOf();
    const top = pair.source;
    // Every ASCII character but NUL, and two bytes beyond; printf makes the byte of its octal number
    const program = sh`zfs create ${top}; for i in $(seq 127) 195 255; do
      c=$(printf "\\\\$(printf %03o $i)x"); name="a\${c%x}b"
      zfs create ${top}"/$name" 2>/dev/null && echo dataset $i
      zfs snapshot ${top}"@$name" 2>/dev/null && echo snapshot $i
      done; zfs destroy -r ${top}`;
    const taken = (await dst.ok(program)).split('\n');
    const isTakenHere = (parse: (text: string) => string, text: string): boolean => {
      try {
        return parse(text) === text;
      } catch {
        return false;
      }
    };
    const ours = [...Array.from({ length: 127 }, (_, index) => index + 1), 195, 255].flatMap(
      (code) => {
        const name = `a${String.fromCharCode(code)}b`;
        return [
          ...(isTakenHere(parseDatasetName, `tank/${name}`) ? [`dataset ${code}`] : []),
          ...(isTakenHere(parseSnapshotLabel, name) ? [`snapshot ${code}`] : []),
        ];
      },
    );
    // A slash begins another component, whose parent is not there
    expect(ours.filter((line) => line !== 'dataset 47')).toEqual(taken);
  });
});

describe('a dataset', () => {
  test('with a space, colons, a dash and a trailing dot is replicated', async () => {
    pair = await freshPair(`${unused()} my: vm:-disk_1.`);
    await replicates();
  });

  test.each([
    [['a:b', '-n', 'c d', 'e.', 'f']],
    [[' ']],
    [['--help', '-']],
    [['...', ' a  b ', ': .']],
    [Array.from({ length: 45 }, (_, depth) => `d${depth % 10}`)],
  ])('with the components %j is replicated', async (components) => {
    pair = await freshPair(await nested(...components));
    await replicates();
  });

  test('in a pool with a colon is replicated into a pool and a dataset with spaces', async () => {
    const here = await smallPool(src, 'zf:b-1. x', 100);
    const there = await smallPool(dst, 'zf my:pool_2.', 100);
    await src.ok(sh`zfs set ${`mountpoint=/${here}`} ${here}`);
    pair = await freshPair(`${here}/vm`, `${there}/-r `);
    const typed: Pair = { ...pair, source: `:${pair.source}` };
    expect(await typed.zferry('prime', typed.source, typed.place)).toEqual(silentSuccess);
    await writeFiles(pair.source, 'second');
    expect(await typed.zferry(typed.source, typed.place)).toEqual(silentSuccess);
    const label = await newestEqual(pair);
    expect(await snapshots(dst, pair.target)).toEqual([label]);
    expect((await pair.lines()).at(-1)).toContain(` ${pair.source}@${label} replicated to dst `);
  });

  test('with the longest name that leaves room for its bookmarks is replicated', async () => {
    const top = unused();
    pair = await freshPair(`${top}${'x'.repeat(208 - top.length)}`);
    await replicates();
  });

  test('with a name too long for its snapshots and bookmarks is refused, and nothing stays', async () => {
    const top = unused();
    pair = await freshPair(`${top}${'x'.repeat(230 - top.length)}`);
    const { exitCode, stderr } = await pair.prime();

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^zferry: error: the name '\S+' would be longer than 255 characters\n$/);
    expect(await snapshots(src, pair.source)).toEqual([]);
    expect(await dst.run(sh`zfs list ${pair.target}`)).toMatchObject({ exitCode: 1 });
  });
});

describe('a snapshot that a person named', () => {
  const rename = (host: Host, dataset: string, from: string, to: string) =>
    host.ok(sh`zfs rename ${`${dataset}@${from}`} ${`${dataset}@${to}`}`);

  test('as a base stays on both sides, whatever its name is', async () => {
    pair = await primedPair();
    const odd = [' ', '-', '--help', ':', '...', ' a  b ', 'x'.repeat(200)];
    for (const label of odd) {
      const newest = await newestEqual(pair);
      await rename(src, pair.source, newest, label);
      await rename(dst, pair.target, newest, label);
      expect(await pair.cycle()).toEqual(silentSuccess);
    }
    const all = [...odd, await newestEqual(pair)];
    expect(await snapshots(src, pair.source)).toEqual(all);
    expect(await snapshots(dst, pair.target)).toEqual(all);
  });

  test('with names like options on the target is carried past', async () => {
    pair = await primedPair();
    const odd = ['-', '-r', ' ', ':', '0'];
    for (const label of odd) await dst.ok(sh`zfs snapshot ${`${pair.target}@${label}`}`);

    expect(await pair.cycle()).toEqual(silentSuccess);
    expect(await snapshots(dst, pair.target)).toEqual([...odd, await newestEqual(pair)]);
  });

  // Only a channel program can make one; `zfs destroy` would read it as a range of snapshots
  test.each([
    ['source', src],
    ['target', dst],
  ])(
    'with a percent sign on the %s is refused with its name, and nothing is destroyed',
    async (side, host) => {
      pair = await primedPair();
      const dataset = side === 'source' ? pair.source : pair.target;
      const name = `${dataset}@a%b`;
      await host.write('/tmp/lab-percent.lua', `zfs.sync.snapshot("${name}")`);
      await host.ok(sh`zfs program ${host.pool} /tmp/lab-percent.lua`);
      const [source, target] = [await stateOf(src, pair.source), await stateOf(dst, pair.target)];

      // With a history to keep, all snapshots are listed
      const history = ['--keep', '3', '--keep-target', 'last=3'];
      const { exitCode, stdout, stderr } = await pair.cycle(...history);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(
        new RegExp(
          `^zferry: error: cannot read what zfs list printed: '.*${exactly(name)}.*': the snapshot name 'a%b' has a character that ZFS does not allow .*\\n$`,
        ),
      );
      expect([await stateOf(src, pair.source), await stateOf(dst, pair.target)]).toEqual([
        source,
        target,
      ]);
    },
  );
});

describe('--name-format', () => {
  test.each([
    // Prime and cycle may begin in one second
    ['every five %F %T', /^every five \d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(_2)?$/],
    [' %F %T ', /^ \d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} (_2)?$/],
    ['-%Y%m%d--help.%H:%M:%S:%L', /^-\d{8}--help\.\d{2}:\d{2}:\d{2}:\d{3}$/],
  ])('%j makes and continues a series', async (format, form) => {
    pair = await freshPair();
    expect(await replicates({ options: [`--name-format=${format}`] })).toMatch(form);
  });
});

describe('a host in the ssh configuration', () => {
  test.each(['Back_up.-2', '0', 'ssh'])('by the alias %j is reached', async (alias) => {
    await src.write(
      '/root/.ssh/config',
      `Host ${alias}\n  HostName ${dst.address}\n  HostKeyAlias dst\n`,
    );
    onTestFinished(async () => void (await src.run('rm /root/.ssh/config')));
    pair = await freshPair();
    await replicates({ place: pair.at(alias) });
  });

  test('by its address is reached', async () => {
    pair = await freshPair();
    const known = ['--ssh-option', 'HostKeyAlias=dst'];
    await replicates({ place: `root@${dst.address}:${pair.target}`, options: known });
  });
});

/** Calls a user of dst by a name that useradd does not take, but a directory service may. */
const calledBy = async (plain: string, name: string): Promise<void> => {
  const file = '/run/lab-passwd';
  await dst.ok(sh`sed ${`s/^${plain}:/${name}:/`} /etc/passwd >${file}`);
  await dst.ok(sh`mount --bind ${file} /etc/passwd`);
  onTestFinished(async () => void (await dst.run('umount -l /etc/passwd')));
};

describe('a user on the target', () => {
  test.each(['me@realm', '1.b+c-d_'])('with the name %j receives', async (name) => {
    const user = await makeUser(dst);
    onTestFinished(user.remove);
    const parent = unused(dst);
    const uid = await dst.ok(sh`id -u ${user.name}`);
    await dst.ok(sh`zfs create ${parent} && zfs allow -u ${uid} ${receiverRights} ${parent}`);
    onTestFinished(async () => void (await dst.run(sh`zfs destroy -r ${parent}`)));
    await calledBy(user.name, name);

    pair = await freshPair(undefined, `${parent}/replica`);
    await replicates({ place: `${name}@dst:${pair.target}` });
  });
});

describe('hostile text is refused in one line, changes nothing and is never executed', () => {
  /** A program on both hosts that leaves a trace when anything runs it. */
  const trap = async (): Promise<() => Promise<void>> => {
    for (const host of [src, dst]) {
      await host.write('/usr/bin/lab-canary', '#!/bin/sh\ntouch /run/lab-canary\n');
      await host.ok('chmod 755 /usr/bin/lab-canary; lab-canary; rm /run/lab-canary');
      onTestFinished(
        async () => void (await host.run('rm -f /usr/bin/lab-canary /run/lab-canary')),
      );
    }
    return async () => {
      for (const host of [src, dst]) await host.ok('! test -e /run/lab-canary');
    };
  };

  const hostile = [
    ...['$(lab-canary)', '`lab-canary`', ';lab-canary', '&lab-canary&', '|lab-canary'],
    ...['\nlab-canary\n', "';lab-canary;'", '";lab-canary;"', "'\\'';lab-canary;#", '!lab-canary'],
    ...['${x:-`lab-canary`}', '%lab-canary', 'lab-canär\u202e日', '\r\u001b[2Jlab-canary'],
  ];

  const oneError = /^zferry: error: \P{Cc}+\n(zferry: hint: \P{Cc}+\n)?$/u;

  test.each([
    ['the source', (text: string) => [`${pair.source}/${text}`, pair.place]],
    ['the target', (text: string) => [pair.source, `dst:${pair.target}/${text}`]],
    ['the host', (text: string) => [pair.source, `x${text}:${pair.target}`]],
    ['the host alone', (text: string) => [pair.source, `x${text}`]],
    ['the user', (text: string) => [pair.source, `u${text}@dst:${pair.target}`]],
    ['a URL', (text: string) => [pair.source, `ssh://${text}/${pair.target}`]],
    ['--name-format', (text: string) => [pair.source, pair.place, `--name-format=${text}%F`]],
    ['an option', (text: string) => [pair.source, pair.place, `--x${text}`]],
  ])('in the place of %s', async (_where, words) => {
    const isSilent = await trap();
    pair = await freshPair();
    const before = [await stateOf(src, pair.source), await stateOf(dst, pair.target)];
    const logged = await pair.lines();

    for (const text of hostile) {
      const { exitCode, stdout, stderr } = await pair.zferry(...words(text));
      expect({ text, exitCode, stdout }).toEqual({ text, exitCode: 2, stdout: '' });
      expect(stderr).toMatch(oneError);
    }

    expect(await pair.lines()).toEqual(logged);
    expect([await stateOf(src, pair.source), await stateOf(dst, pair.target)]).toEqual(before);
    await isSilent();
  });
});
