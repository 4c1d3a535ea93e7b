import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { inTheMiddle, writeLongStream } from './support/interruption.ts';
import { changingNothing, expectFailed, silentSuccess } from './support/outcome.ts';
import {
  freshPair,
  newestEqual,
  type Pair,
  primedPair,
  snapshots,
  writeFiles,
} from './support/pair.ts';
import { without } from './support/programs.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';
import { secondSshd } from './support/sshd.ts';
import { makeUser, receiverAllow, receiverRights, type User } from './support/user.ts';
import { wire } from './support/wire.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const user = async (options?: Parameters<typeof makeUser>[1]): Promise<User> => {
  const made = await makeUser(dst, options);
  cleanups.push(made.remove);
  return made;
};

describe('a target that cannot be reached fails the cycle in the words of ssh', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await primedPair();
  });
  afterAll(async () => pair.remove());

  test('a host name that nobody knows', async () => {
    await expectFailed(pair, () => pair.zferry(pair.source, 'nosuchhost'), {
      exitCode: 1,
      error: 'ssh: Could not resolve hostname nosuchhost: Temporary failure in name resolution',
      hint: 'the name must be known here or in the ssh configuration; try: ssh -- nosuchhost true',
      host: 'nosuchhost',
    });
  });

  test('a port where nobody listens', async () => {
    await expectFailed(pair, () => pair.zferry(pair.source, `ssh://root@dst:2/${pair.target}`), {
      exitCode: 1,
      error: 'ssh: connect to host dst port 2: Connection refused',
      host: 'root@dst',
    });
  });

  test('an address without a way to it', async () => {
    await src.ok('ip route add unreachable 10.98.0.1');
    cleanups.push(() => src.ok('ip route del unreachable 10.98.0.1'));

    await expectFailed(pair, () => pair.zferry(pair.source, '10.98.0.1'), {
      exitCode: 1,
      error: 'ssh: connect to host 10.98.0.1 port 22: No route to host',
      host: '10.98.0.1',
    });
  });

  test('a host that does not answer', async () => {
    await wire.cut();
    cleanups.push(wire.join);

    await expectFailed(pair, () => pair.cycle('--ssh-option', 'ConnectTimeout=2'), {
      exitCode: 1,
      error: 'ssh: connect to host dst port 22: Connection timed out',
    });
  });

  test('a host whose sshd lets nobody else log in now', async () => {
    const sshd = secondSshd(2224, 'MaxStartups 1');
    await sshd.starts();
    cleanups.push(sshd.ends);
    // One that has connected, and does not log in
    const other = src.start(sh`bash -c ${'exec 3<>/dev/tcp/dst/2224; sleep 60'}`);
    cleanups.push(() => other.signal('TERM'));
    await dst.until("ss -Htn state established '( sport = :2224 )' | grep -q .");

    const place = `ssh://root@dst:2224/${pair.target}`;
    const verdict = verdictOf(await changingNothing(pair, () => pair.zferry(pair.source, place)));
    expect(verdict).toEqual({
      exitCode: 1,
      // Whether ssh had said who it is when sshd ended it
      error: expect.stringMatching(/^Connection (closed|reset) by 10\.99\.1\.2 port 2224$/),
      hint: 'sshd there ended the connection before the login was over, as it does when there are too many at once (MaxStartups in its sshd_config); its log says why. The next cycle tries again',
    });
    expect((await pair.lines()).at(-1)).toContain(` to root@dst! ERROR! ${verdict.error}`);
  });

  test('a host that the one which ssh jumps over does not reach', async () => {
    const place = `ssh://root@dst:9/${pair.target}`;
    await expectFailed(
      pair,
      () => pair.zferry(pair.source, place, '--ssh-option', 'ProxyJump=dst'),
      {
        exitCode: 1,
        error: 'channel 0: open failed: connect failed: Connection refused',
        hint: 'ssh goes there by way of another host or program (ProxyJump or ProxyCommand in its configuration), which did not get through; try: ssh -p 9 -- root@dst true',
        host: 'root@dst',
      },
    );
  });

  test('a user whose authorized keys do not have ours', async () => {
    const host = `${(await user({ hasKey: false })).name}@dst`;

    await expectFailed(pair, () => pair.zferry(pair.source, pair.at(host)), {
      exitCode: 1,
      error: `${host}: Permission denied (publickey).`,
      hint: `let this user's key in: ssh-copy-id -- ${host}`,
      host,
    });
  });

  test('a host key that is not known yet', async () => {
    await expectFailed(pair, () => pair.cycle('--ssh-option', 'UserKnownHostsFile=/dev/null'), {
      exitCode: 1,
      error: 'Host key verification failed.',
      hint: 'as the user that cron runs zferry for, compare and accept its key once: ssh -- dst true',
    });
  });

  test('a host key that is not the one that was known', async () => {
    await src.ok("sed -n 's/^src,[^ ]*/dst/p' /root/.ssh/known_hosts >/run/lab-known-hosts");
    cleanups.push(() => src.ok('rm /run/lab-known-hosts'));
    const option = 'UserKnownHostsFile=/run/lab-known-hosts';

    await expectFailed(pair, () => pair.cycle('--ssh-option', option), {
      exitCode: 1,
      error: 'Host key verification failed: the key of dst is not the one in known_hosts',
      hint: 'somebody may be in between; only if you know why it changed: ssh-keygen -R dst, then compare and accept the new one: ssh -- dst true',
    });
  });

  test('an option that ssh does not know', async () => {
    await expectFailed(pair, () => pair.cycle('--ssh-option', 'Prot=22'), {
      exitCode: 2,
      error: 'command-line: line 0: Bad configuration option: prot',
      hint: '--ssh-option takes what ssh -o takes, see ssh_config(5)',
    });
  });

  test('a login that hangs before anything is run', async () => {
    await dst.write('/run/lab-hanging-shell', '#!/bin/sh\nexec sleep 100\n');
    await dst.ok('install -m 755 /run/lab-hanging-shell /usr/local/bin/lab-hanging-shell');
    cleanups.push(() => dst.ok('rm /run/lab-hanging-shell /usr/local/bin/lab-hanging-shell'));
    const host = `${(await user({ shell: '/usr/local/bin/lab-hanging-shell' })).name}@dst`;

    await expectFailed(pair, () => pair.zferry(pair.source, pair.at(host), '--stall', '3s'), {
      exitCode: 1,
      error: `no answer from ${host} within 3 s`,
      host,
    });
  });
});

describe('a target host that cannot receive fails the cycle', () => {
  let pair: Pair;
  beforeAll(async () => {
    pair = await primedPair();
  });
  afterAll(async () => pair.remove());

  test('no zfs there', async () => {
    await expectFailed(pair, () => without(dst, ['zfs'], () => pair.cycle()), {
      exitCode: 1,
      error: 'there is no zfs command on dst',
      hint: 'install OpenZFS there, or see that its folder is on the PATH of this ssh user',
    });
  });

  test('a user there without permission for zfs', async () => {
    const { name } = await user();
    const host = `${name}@dst`;

    await expectFailed(pair, () => pair.zferry(pair.source, pair.at(host)), {
      exitCode: 1,
      error: `${host}: cannot receive incremental stream: permission denied`,
      hint: `as root on dst: ${receiverAllow(name, dst.pool)} (or use --sudo)`,
      host,
    });
  });
});

describe('a login replicates', () => {
  // What logins say before they run anything, the last of it without a line break
  const noise = 'sh -c "echo Welcome; echo Mind the step >&2; printf unfinished"\n';
  // And what people do there to their shell, which is not to reach ours
  const files = {
    '.bashrc': `${noise}shopt -s expand_aliases; alias zfs=false; set -efu\n`,
    '.zshenv': `${noise}alias zfs=false; setopt err_exit no_glob no_unset rc_quotes\n`,
    '.config/fish/config.fish': `${noise}alias zfs false; set -x LC_ALL de_DE.UTF-8\n`,
    '.tcshrc': `${noise}alias zfs false; set noglob; set nonomatch\n`,
  };

  /** A source, and the place of its replica for a user with that shell who may only receive. */
  const pairFor = async (shell: string): Promise<Pair> => {
    const { name } = await user({ shell, files });
    const parent = `${dst.pool}/${name}`;
    await dst.ok(sh`zfs create ${parent} && zfs allow ${name} ${receiverRights} ${parent}`);
    cleanups.push(() => dst.ok(sh`zfs destroy -r ${parent}`));
    const pair = await freshPair(undefined, `${parent}/replica`);
    cleanups.push(pair.remove);
    return { ...pair, place: `${name}@dst:${pair.target}` };
  };

  test.each(['/bin/sh', '/bin/bash', '/bin/zsh', '/usr/bin/fish', '/bin/tcsh'])(
    'with %s that prints noise and has odd settings, as a user who may only receive',
    async (shell) => {
      const pair = await pairFor(shell);

      expect(await pair.zferry('prime', pair.source, pair.place)).toEqual(silentSuccess);
      const base = await newestEqual(pair);
      await writeFiles(pair.source, 'second');
      const cycle = await pair.zferry(pair.source, pair.place, '--compress', 'lzop', '--json');
      expect(reportOf(cycle)).toMatchObject({ kind: 'incremental', kept: [] });
      const label = await newestEqual(pair);
      expect(label).not.toBe(base);
      expect(await snapshots(dst, pair.target)).toEqual([label]);
    },
  );

  test.each(['/usr/bin/fish', '/bin/tcsh'])(
    'with %s that prints noise, where a run was killed in the middle of its stream',
    async (shell) => {
      const pair = await pairFor(shell);
      expect(await pair.zferry('prime', pair.source, pair.place)).toEqual(silentSuccess);
      await writeLongStream(pair.source);
      const run = await inTheMiddle(pair, 'run');
      await run.signal('KILL');
      await run.done;

      const cycle = await pair.zferry(pair.source, pair.place, '--compress', 'lzop', '--json');
      expect(reportOf(cycle)).toMatchObject({ kind: 'resumed', kept: [] });
      const label = await newestEqual(pair);
      expect(await snapshots(dst, pair.target)).toEqual([label]);
    },
  );

  test('in place of a ControlMaster that hangs', async () => {
    const pair = await primedPair();
    cleanups.push(pair.remove);
    await src.write('/root/.ssh/config', 'Host dst\n  ControlPath /run/lab-master\n');
    cleanups.push(() => src.ok('rm -f /root/.ssh/config /run/lab-master'));
    await src.ok('ssh -fNM dst </dev/null >/dev/null 2>&1');
    const [pid = ''] = /\d+/.exec(await src.ok('ssh -O check dst 2>&1')) ?? [];
    await src.ok(sh`kill -STOP ${pid}`);
    cleanups.push(() => src.ok(sh`kill -KILL ${pid}`));

    expect(await pair.cycle('--stall', '8s')).toEqual(silentSuccess);
    await newestEqual(pair);
  });
});
