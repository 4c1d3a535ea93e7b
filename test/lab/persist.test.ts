import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { impatient, inTheMiddle, writeLongStream } from './support/interruption.ts';
import { expectFailed, said, silentSuccess } from './support/outcome.ts';
import { newestEqual, type Pair, primedPair, underCron, writeFiles } from './support/pair.ts';
import { quote, sh } from './support/quote.ts';
import { reportOf } from './support/report.ts';
import { isTidy } from './support/tidy.ts';
import { wrapTools } from './support/tools.ts';
import { asUser, giveKey, makeUser } from './support/user.ts';
import { wire } from './support/wire.ts';

const folder = '/run/zferry/ssh';
const persist = ['--persist', '10m'] as const;

let pair: Pair;
let other: Pair;
beforeAll(async () => {
  pair = await primedPair();
  other = await primedPair();
});
afterAll(async () => {
  await pair.remove();
  await other.remove();
});

/** The masters that zferry's sessions left, by their pids. */
const masters = async (): Promise<readonly string[]> => {
  const { stdout } = await src.run(`pgrep -f '^ssh: .*\\[(stopped )?mux\\]'`);
  return stdout.split('\n').filter(Boolean);
};

const theMaster = async (): Promise<string> => {
  const [pid, ...more] = await masters();
  if (pid !== undefined && more.length === 0) return pid;
  throw new Error('there is not exactly one master');
};

const sockets = async (): Promise<readonly string[]> =>
  (await src.ok(sh`ls -A ${folder}`)).split('\n').filter(Boolean);

/** Without a connection that anybody kept. */
const forgetAll = async (): Promise<void> => {
  for (const pid of await masters()) await src.ok(sh`kill -KILL ${pid}`);
  await src.ok(sh`rm -rf ${folder}`);
};
beforeAll(forgetAll);
afterEach(forgetAll);

/** Runs zferry under cron, and tells how many ssh it called, how often that was let in, and how many seconds it took. */
const observed = async (words: readonly string[]) => {
  const tools = await wrapTools({
    ssh: 'echo >>"${0%/*}/clients"; exec $real -v -E "${0%/*}/log" "$@"',
  });
  const began = performance.now();
  const result = await src.run(underCron([...words, '--log', pair.log], tools));
  const seconds = (performance.now() - began) / 1_000;
  const lines = async (file: string, pattern: string) =>
    Number(await src.ok(sh`grep -c ${pattern} ${`${tools}/${file}`} || true`));
  return {
    ...{ result, seconds },
    clients: await lines('clients', '^'),
    logins: await lines('log', '^Authenticated to'),
  };
};

const cycle = (...options: readonly string[]) =>
  observed([pair.source, pair.place, ...persist, ...options]);

/** A cycle that has to succeed; what was seen of it. */
const goodCycle = async (...options: readonly string[]) => {
  await writeFiles(pair.source, 'more');
  const seen = await cycle(...options);
  expect(seen.result).toEqual(silentSuccess);
  await newestEqual(pair);
  return seen;
};

/** The connection is as good as new: no wait for one that does not answer, and nothing had to be ended. */
const straight = { clients: 1 } as const;

describe('a connection that is kept', () => {
  test('serves the next cycle without another login, and that of another dataset', async () => {
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 1 });
    const master = await theMaster();
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 0 });
    const more = await observed([other.source, other.place, ...persist]);
    expect(more).toMatchObject({ result: silentSuccess, logins: 0 });
    expect(await theMaster()).toBe(master);
    expect(await sockets()).toHaveLength(1);
    await isTidy(pair);
    // Without the option nothing is shared
    const alone = await observed([pair.source, pair.place]);
    expect(alone).toMatchObject({ result: silentSuccess, logins: 1 });
  });

  test('holds nothing of the run that it comes from', async () => {
    // Whoever reads what cron's job prints comes to its end
    const words = [pair.source, pair.place, '--log', pair.log, ...persist];
    await src.ok(`cd /tmp && { ${underCron(words)} 2>&1 | cat; }`, { timeout: 60_000 });
    const master = await theMaster();
    const open = await src.ok(sh`readlink /proc/${master}/fd/* /proc/${master}/cwd`);
    const unexpected = open.split('\n').filter((path) => !/^(\/dev\/null|socket:.*)$/.test(path));
    expect(unexpected).toEqual(['/root']);
    // Its session is its own: no signal from a terminal or to cron's job reaches it
    expect((await src.ok(sh`ps -o sid= -p ${master}`)).trim()).toBe(master);
  });

  test('goes by itself after its time', async () => {
    expect((await cycle('--persist', '8s')).result).toEqual(silentSuccess);
    const master = await theMaster();
    await src.until(sh`! kill -0 ${master}`);
    expect(await sockets()).toEqual([]);
  });

  test('is not shared by who gets there by another way', async () => {
    await cycle();
    const named = await cycle('--ssh-option', 'User=root');
    expect(named).toMatchObject({ result: silentSuccess, logins: 1 });
    await src.write('/root/.ssh/config', 'Host dst\n  HostName 10.99.1.2\n');
    onTestFinished(async () => void (await src.ok('rm /root/.ssh/config')));
    expect((await cycle('--ssh-option', 'HostKeyAlias=dst')).logins).toBe(1);
    expect(await masters()).toHaveLength(3);
  });

  test('is made once by two runs that begin together', async () => {
    const both = await Promise.all([pair.cycle(...persist), other.cycle(...persist)]);
    expect(both).toEqual([silentSuccess, silentSuccess]);
    await theMaster();
    expect(await sockets()).toHaveLength(1);
  });

  test.each(['TERM', 'KILL'])('outlives the run that %s ends in its stream', async (signal) => {
    const own = await primedPair();
    onTestFinished(own.remove);
    await writeLongStream(own.source);
    const run = await inTheMiddle(own, 'run', ...persist);
    const master = await theMaster();
    await run.signal(signal);
    await run.done;
    await dst.until('! pgrep -x zfs');
    expect(await theMaster()).toBe(master);
    const next = await observed([own.source, own.place, ...persist]);
    expect(next).toMatchObject({ result: silentSuccess, logins: 0 });
    await isTidy(own);
  });

  test('that breaks off ends the cycle soon, and the next one goes on', async () => {
    const own = await primedPair();
    onTestFinished(own.remove);
    await writeLongStream(own.source);
    const run = await inTheMiddle(own, 'run', ...persist, ...impatient);
    await wire.cut();
    onTestFinished(wire.join);
    expect(await run.done).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: said({ error: 'the connection to dst broke off' }),
    });
    await wire.join();
    const next = await own.cycle(...persist, ...impatient, '--json');
    expect(reportOf(next)).toMatchObject({ kind: 'resumed' });
    await isTidy(own);
  });

  test("is each user's own", async () => {
    expect((await cycle()).result).toEqual(silentSuccess);
    const ofRoot = await theMaster();
    const user = await makeUser(src, { hasKey: false });
    onTestFinished(user.remove);
    await giveKey(user);
    const words = [pair.source, pair.at('root@dst'), ...persist, '--dry-run', '-q'];
    expect((await src.run(asUser(user, words))).exitCode).toBe(0);
    const theirs = (await masters()).filter((pid) => pid !== ofRoot);
    expect(await src.ok(sh`ps -o user:32= -p ${String(theirs)}`)).toBe(user.name);
    const place = `${user.home}/.local/state/zferry/run/ssh`;
    expect(await src.ok(sh`stat -c '%a %U' ${place} ${place}/*`)).toBe(
      `700 ${user.name}\n600 ${user.name}`,
    );
  });

  test('through a proxy does not keep the run that made it', async () => {
    await src.write(
      '/usr/local/bin/lab-proxy',
      '#!/bin/bash\nexec 3<>/dev/tcp/$1/$2\ncat <&3 & cat >&3; kill $!\n',
    );
    await src.ok('chmod 755 /usr/local/bin/lab-proxy');
    onTestFinished(async () => void (await src.ok('rm /usr/local/bin/lab-proxy')));
    const proxy = ['--ssh-option', 'ProxyCommand=lab-proxy %h %p'];
    // It would be kept for ten minutes
    expect((await goodCycle(...proxy)).seconds).toBeLessThan(60);
    expect(await cycle(...proxy)).toMatchObject({ result: silentSuccess, logins: 0 });
  });
});

describe('a kept connection that is dead is replaced, and the cycle succeeds', () => {
  test('its master was killed', async () => {
    await cycle();
    await src.ok(sh`kill -KILL ${await theMaster()}`);
    expect(await sockets()).toHaveLength(1);
    expect(await goodCycle()).toMatchObject(straight);
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 0 });
  });

  test('its master hangs', async () => {
    await cycle();
    const hanging = await theMaster();
    await src.ok(sh`kill -STOP ${hanging}`);
    expect((await goodCycle()).seconds).toBeLessThan(40);
    expect(await masters()).toHaveLength(2);
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 0 });
    await src.ok(sh`kill -KILL ${hanging}`);
  });

  test('nothing comes back on its wire', async () => {
    await cycle();
    const dead = await theMaster();
    // The other end of that very connection stands still
    const ends = await dst.ok(
      `ss -Htnp state established src 10.99.1.2:22 | grep -o 'pid=[0-9]*' | cut -d = -f 2 | sort -u`,
    );
    await dst.ok(`kill -STOP ${ends.split('\n').join(' ')}`);
    onTestFinished(async () => void (await dst.ok(`kill -KILL ${ends.split('\n').join(' ')}`)));

    expect((await goodCycle()).seconds).toBeLessThan(40);
    expect(await src.ok(sh`ps -o args= -p ${dead}`)).toBe('ssh: [stopped mux]');
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 0 });
  });

  test('the target was started anew', async () => {
    await cycle();
    await dst.unplug();
    await dst.boot();
    expect((await goodCycle()).seconds).toBeLessThan(40);
    expect(await goodCycle()).toMatchObject(straight);
  });

  test('the wire was cut, and joined again', async () => {
    const quick = ['--ssh-option', 'ConnectTimeout=2'];
    await cycle(...quick);
    await wire.cut();
    onTestFinished(wire.join);
    const began = performance.now();
    await expectFailed(pair, () => pair.cycle(...persist, ...quick), {
      exitCode: 1,
      error: 'ssh: connect to host dst port 22: Connection timed out',
    });
    expect(performance.now() - began).toBeLessThan(40_000);
    await wire.join();
    expect(await goodCycle(...quick)).toMatchObject(straight);
    expect(await cycle(...quick)).toMatchObject({ result: silentSuccess, logins: 0 });
  });

  test('the wire was cut between the cycles, which its keepalive noticed', async () => {
    await cycle(...impatient);
    const master = await theMaster();
    await wire.cut();
    onTestFinished(wire.join);
    await src.until(sh`! kill -0 ${master}`);
    expect(await sockets()).toEqual([]);
    await wire.join();
    expect(await goodCycle(...impatient)).toMatchObject(straight);
  });
});

describe('a folder for kept connections that others could use is refused', () => {
  const error = `${folder} is no place for the connection of --persist: it must be a folder of this user's that nobody else can use`;

  const refusedWith =
    (made: string, hint: string, what = error) =>
    async () => {
      await src.ok(`mkdir -p ${folder} && ${made}`);
      onTestFinished(
        async () => void (await src.ok(sh`rm -rf ${folder} && chmod 700 /run/zferry`)),
      );
      await expectFailed(pair, () => pair.cycle(...persist), { exitCode: 1, error: what, hint });
      expect(await masters()).toEqual([]);
    };

  test('its mode lets others in', refusedWith(`chmod 750 ${folder}`, `chmod 700 ${folder}`));
  const look = `see what it is, and remove it: ls -ld ${folder}`;
  test('it is another user\u2019s', refusedWith(`chown 65534 ${folder}`, look));
  test('it is a link', refusedWith(`rmdir ${folder} && ln -s /root ${folder}`, look));
  test('it is a file', refusedWith(`rmdir ${folder} && touch ${folder}`, look));
  test(
    'the folder above it lets others write',
    refusedWith('chmod 777 /run/zferry', 'chmod 700 /run/zferry', error.replace('/ssh', '')),
  );
});

describe("a ControlPath of the user's own", () => {
  const configured = async (path: string) => {
    await src.write('/root/.ssh/config', `Host dst\n  ControlPath ${path}\n`);
    onTestFinished(async () => void (await src.ok(`rm -f /root/.ssh/config ${quote(path)}`)));
  };

  test('is where the connection is kept', async () => {
    await configured('/run/lab-master');
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 1 });
    await src.ok('ssh -O check dst');
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 0 });
    expect(await src.ok(sh`ls -A ${folder} 2>/dev/null || true`)).toBe('');
  });

  test('keeps none where it is none', async () => {
    await configured('none');
    expect(await cycle()).toMatchObject({ result: silentSuccess, logins: 1 });
    expect(await masters()).toEqual([]);
  });
});
