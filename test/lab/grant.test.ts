import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dst, type Host, src } from './support/host.ts';
import { during, untilReceived } from './support/interruption.ts';
import { said, silentSuccess } from './support/outcome.ts';
import {
  bookmarks,
  freshPair,
  newestEqual,
  type Pair,
  primedPair,
  property,
  snapshots,
  writeBigFile,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import type { Report } from './support/report.ts';
import { isTidy } from './support/tidy.ts';
import {
  asUser,
  giveKey,
  makeUser,
  receiverAllow,
  senderAllow,
  type User,
} from './support/user.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const userOf = async (host: Host, options?: Parameters<typeof makeUser>[1]): Promise<User> => {
  const user = await makeUser(host, options);
  cleanups.push(user.remove);
  return user;
};

/** An ordinary user of each host, and a pair between them that is not primed: its target's parent is made for it. */
const ordinary = async () => {
  const [here, there] = [await userOf(src, { hasKey: false }), await userOf(dst)];
  await giveKey(here);
  const parent = `${dst.pool}/${there.name}`;
  await dst.ok(sh`zfs create -o canmount=off -o readonly=on ${parent}`);
  cleanups.push(() => dst.ok(sh`zfs destroy -r ${parent}`));
  const pair = await freshPair(undefined, `${parent}/replica`);
  cleanups.push(pair.remove);
  const place = `${there.name}@dst:${pair.target}`;
  const zferry = (verb: string, ...options: readonly string[]) =>
    src.run(asUser(here, [verb, pair.source, place, ...options]));
  return { here, there, parent, pair, zferry };
};

/** `zferry grant` as root of src; standard output alone, which must be all that root would have to run. */
const grant = (...words: readonly string[]) =>
  src.ok(`zferry grant ${words.map((word) => sh`${word}`).join(' ')}`);

describe('with the rights of zferry grant and no others', () => {
  test('an ordinary user on both sides primes, replicates, is interrupted, goes on and prunes', async () => {
    const { here, there, parent, pair, zferry } = await ordinary();
    expect(await grant(pair.source, here.name, '--apply')).toBe(
      senderAllow(here.name, pair.source).replace(' && ', '\n'),
    );
    expect(await grant('--apply', `root@dst:${pair.target}`, there.name)).toBe(
      receiverAllow(there.name, parent).replace(' && ', '\n'),
    );

    expect(await zferry('prime')).toEqual(silentSuccess);
    expect(await property(dst, pair.target, 'canmount')).toBe('noauto');
    await writeBigFile(pair.source, 'big', 40);
    const sending = sh`pgrep -f ${`[z]fs send .*${pair.source}@`}`;
    const words = ['run', pair.source, `${there.name}@dst:${pair.target}`];
    const run = src.start(asUser(here, [...words, '--compress', 'none', '--rate', '2M']));
    await src.until(sending);
    await during(run, untilReceived(dst, pair.target, 4 * 2 ** 20));
    await run.signal('KILL');
    await run.done;
    const { stdout } = await zferry('run', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ result: 'replicated', kind: 'resumed', kept: [] });
    await isTidy(pair);
  });

  // Without the channel programs, which only root may run
  test('a tree is replicated and pruned by one grant a side, with a dataset that comes later', async () => {
    const { here, there, parent, pair, zferry } = await ordinary();
    await src.ok(sh`zfs create ${`${pair.source}/a`}; zfs create ${`${pair.source}/b`}`);
    expect(await grant('-r', '--apply', pair.source, here.name)).toBe(
      `zfs allow -l -u ${here.name} bookmark,destroy,snapshot,userprop ${pair.source}\nzfs allow -d -u ${here.name} bookmark,destroy,mount,send,snapshot,userprop ${pair.source}`,
    );
    await grant('-r', '--apply', `root@dst:${pair.target}`, there.name);
    expect(await zferry('prime', '-r')).toEqual(silentSuccess);

    // Once the target is there, its own rights are enough
    await dst.ok(sh`zfs unallow -u ${there.name} ${parent}`);
    expect(await grant('-r', '--apply', `root@dst:${pair.target}`, there.name)).toBe(
      receiverAllow(there.name, pair.target).replace(' && ', '\n'),
    );
    await src.ok(sh`zfs create ${`${pair.source}/late`}`);
    expect(await zferry('run', '-r')).toEqual(silentSuccess);
    for (const path of ['', '/a', '/b', '/late']) {
      expect(await snapshots(src, `${pair.source}${path}`)).toHaveLength(1);
      expect(await snapshots(dst, `${pair.target}${path}`)).toHaveLength(1);
      expect(await bookmarks(`${pair.source}${path}`)).toHaveLength(1);
    }
  });

  test('on a target that is there already, they are given for that alone', async () => {
    const { here, there, pair, zferry } = await ordinary();
    expect((await pair.prime()).exitCode).toBe(0);
    await grant(pair.source, here.name, '--apply');
    expect(await grant('--apply', `root@dst:${pair.target}`, there.name)).toBe(
      `zfs allow -l -u ${there.name} create,mount,receive ${pair.target}\nzfs allow -d -u ${there.name} destroy,mount,userprop ${pair.target}`,
    );
    // A hold keeps the base on both sides; the marks let a later cycle prune it.
    const label = (await snapshots(src, pair.source)).at(-1) ?? '';
    const held = [
      src.ok(sh`zfs hold by-hand ${`${pair.source}@${label}`}`),
      dst.ok(sh`zfs hold by-hand ${`${pair.target}@${label}`}`),
    ];
    await Promise.all(held);
    expect((await zferry('run')).exitCode).toBe(0);
    await src.ok(sh`zfs release by-hand ${`${pair.source}@${label}`}`);
    await dst.ok(sh`zfs release by-hand ${`${pair.target}@${label}`}`);
    expect(await zferry('run')).toEqual(silentSuccess);
    await isTidy(pair);
    const destroys = sh`setpriv --reuid ${there.name} --clear-groups zfs destroy -r ${pair.target}`;
    expect((await dst.run(destroys)).stderr).toMatch(/permission denied/);
    expect(await property(dst, pair.target, 'type')).toBe('filesystem');
  });
});

/** What a run came to that lacked a right; `fine` where it lacked nothing. */
const outcomeOf = (stdout: string): string => {
  const { result, kept } = JSON.parse(stdout) as Report;
  return result === 'replicated' && kept.length > 0 ? 'not pruned' : result;
};

test('each of them left out makes something fail', { timeout: 300_000 }, async () => {
  const { here, there, parent, pair, zferry } = await ordinary();
  await grant(pair.source, here.name, '--apply');
  await grant('--apply', `root@dst:${pair.target}`, there.name);
  const lacking = async (host: Host, words: string, verb: string) => {
    await host.ok(`zfs unallow ${words}`);
    const { stdout } = await zferry(verb, '--json');
    await host.ok(`zfs allow ${words}`);
    return outcomeOf(stdout);
  };

  const priming = async (scope: string, right: string) => {
    const words = sh`-u ${there.name} ${right} ${parent}`;
    const outcome = await lacking(dst, `${scope} ${words}`, 'prime');
    await dst.run(sh`zfs destroy -r ${pair.target}`);
    return outcome;
  };
  for (const right of ['create', 'mount', 'receive']) {
    expect([right, await priming('-l', right)]).toEqual([right, 'failed']);
  }
  for (const right of ['canmount', 'readonly']) {
    // zfs receive itself says so in passing, and ends with 0.
    expect([right, await priming('-d', right)]).toEqual([right, 'failed']);
  }

  expect(await zferry('prime')).toEqual(silentSuccess);
  const running = (host: Host, scope: string, right: string) =>
    host === src
      ? lacking(src, sh`${scope} -u ${here.name} ${right} ${pair.source}`, 'run')
      : lacking(dst, sh`${scope} -u ${there.name} ${right} ${parent}`, 'run');
  const cases: [Host, string, Record<string, string>][] = [
    [dst, '-d', { create: 'failed', mount: 'failed', receive: 'failed', destroy: 'not pruned' }],
    [src, '-l', { bookmark: 'failed', snapshot: 'failed', userprop: 'failed' }],
    [src, '-l', { destroy: 'not pruned' }],
    [src, '-d', { send: 'failed', destroy: 'not pruned', mount: 'not pruned' }],
  ];
  for (const [host, scope, outcomes] of cases) {
    for (const [right, outcome] of Object.entries(outcomes)) {
      expect([right, await running(host, scope, right)]).toEqual([right, outcome]);
    }
  }

  // What cannot be pruned is marked, for a later cycle.
  const marks = async () => {
    const label = (await snapshots(src, pair.source)).at(-1) ?? '';
    const names = [`${pair.source}@${label}`, `${pair.target}@${label}`] as const;
    const [ours, theirs] = names;
    await Promise.all([src.ok(sh`zfs hold x ${ours}`), dst.ok(sh`zfs hold x ${theirs}`)]);
    expect((await zferry('run')).exitCode).toBe(0);
    await Promise.all([src.ok(sh`zfs release x ${ours}`), dst.ok(sh`zfs release x ${theirs}`)]);
    return [await property(src, ours, 'zferry:for'), await property(dst, theirs, 'zferry:for')];
  };
  expect(await marks()).toEqual(['superseded', 'superseded']);
  await src.ok(sh`zfs unallow -d -u ${here.name} userprop ${pair.source}`);
  await dst.ok(sh`zfs unallow -d -u ${there.name} userprop ${parent}`);
  expect(await marks()).toEqual([expect.stringMatching(/^[0-9a-f]{10}$/), '-']);

  await newestEqual(pair);
});

describe('what cannot be granted is said in one line', () => {
  let pair: Pair;
  beforeEach(async () => {
    pair = await primedPair();
    cleanups.push(pair.remove);
  });

  const allowed = async () =>
    Promise.all([src.ok(sh`zfs allow ${pair.source}`), dst.ok(sh`zfs allow ${pair.target}`)]);

  const refused = async (
    words: readonly string[],
    exitCode: number,
    error: string,
    hint?: string,
  ) => {
    const before = await allowed();
    const command = `zferry grant --apply ${words.map((word) => sh`${word}`).join(' ')}`;
    expect(await src.run(command)).toEqual({ exitCode, stdout: '', stderr: said({ error, hint }) });
    expect(await allowed()).toEqual(before);
  };

  test('a user or a dataset that does not exist, and names that are none', async () => {
    const { source } = pair;
    await refused(
      [source, 'nobodyhere'],
      3,
      'there is no user nobodyhere on this host',
      'create the user there first, as root: useradd -m nobodyhere',
    );
    await refused(
      [`root@dst:${pair.target}`, 'nobodyhere'],
      3,
      'there is no user nobodyhere on dst',
      'create the user there first, as root: useradd -m nobodyhere',
    );
    await refused(
      [`${source}x`, 'root'],
      3,
      `${source}x does not exist on this host`,
      `see what there is on this host: zfs list -r ${src.pool}`,
    );
    await refused(
      [`dst:${pair.target}/x/y`, 'root'],
      3,
      `neither ${pair.target}/x/y nor the dataset above it exists on dst`,
      `as root on dst: zfs create -p -o canmount=off -o readonly=on ${pair.target}/x`,
    );
    await refused(
      [source, 'a,b'],
      2,
      "'a,b' is not a user name that zferry hands to zfs",
      'write letters, digits and _ . @ + -, not beginning with . @ + or -',
    );
    await refused(
      [`dst:${dst.pool}`, 'root'],
      2,
      `the target dst:${dst.pool} is the root of a pool, which would need a forced receive`,
    );
    await refused(
      [source, 'root', '--source', '--target'],
      2,
      "option '--source' cannot be used with option '--target'",
      'see zferry --help',
    );
  });

  test('who is not root cannot apply it', async () => {
    const { name } = await userOf(dst);
    await refused(
      [`${name}@dst:${pair.target}`, name],
      1,
      `${name}@dst: cannot set permissions on '${pair.target}': permission denied`,
      'only root can: call it as root, there as root@host, or with --sudo',
    );
  });
});
