import { afterEach, describe, expect, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { changingNothing, logTime, said, silentSuccess } from './support/outcome.ts';
import {
  freshPair,
  guid,
  newestEqual,
  type Pair,
  primedPair,
  snapshots,
  underCron,
  writeFiles,
} from './support/pair.ts';
import { quote, sh } from './support/quote.ts';
import { startSlowCycle } from './support/slow.ts';
import { makeUser, senderAllow, type User } from './support/user.ts';

let pair: Pair;
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await pair.remove();
});

const fieldsOf = (line: string | undefined): Record<string, unknown> => JSON.parse(line ?? '');

const time = expect.stringMatching(new RegExp(`^${logTime}$`));

describe('the line of a cycle', () => {
  test('is for people, unless JSON is asked for', async () => {
    pair = await freshPair();
    await pair.prime();
    await pair.cycle();
    await pair.zferry(pair.source, `dst:${dst.pool}/missing/x`);

    const [primed, replicated, failed] = await pair.lines();
    const size = `[0-9.]+ (B|KiB|MiB) in [0-9.]+ s$`;
    // Prime and cycle may begin in one second
    const success = `${pair.source}@zferry_${logTime}(_2)? replicated to dst successfully\\.`;
    expect(primed).toMatch(new RegExp(`^${logTime} ${success} full ${size}`));
    expect(replicated).toMatch(new RegExp(`^${logTime} ${success} incremental ${size}`));
    expect(failed).toMatch(
      new RegExp(
        `^${logTime} ${pair.source} failed to replicate to dst! ERROR! ${dst.pool}/missing/x on `,
      ),
    );
  });

  test('has the same facts as fields in JSON, and --json prints that very line', async () => {
    pair = await freshPair();
    await pair.prime();
    const [base] = await snapshots(src, pair.source);
    await writeFiles(pair.source, 'second');
    const { exitCode, stdout, stderr } = await pair.cycle('--log-format', 'json', '--json');

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const line = (await pair.lines()).at(-1);
    expect(stdout).toBe(`${line}\n`);
    const fields = fieldsOf(line);
    const label = await newestEqual(pair);
    expect(fields).toEqual({
      time,
      result: 'replicated',
      verb: 'run',
      source: pair.source,
      target: pair.place,
      host: 'dst',
      snapshot: label,
      seconds: expect.any(Number),
      kind: 'incremental',
      base: `${pair.source}@${base}`,
      guid: await guid(src, `${pair.source}@${label}`),
      bytes: expect.any(Number),
      compression: 'lzop',
      asStored: false,
      raw: false,
      notes: [],
      kept: [],
    });
    expect(fields['bytes']).toBeGreaterThan(1_000_000);
    expect(fields['seconds']).toBeGreaterThan(0);
    expect(fields['seconds']).toBeLessThan(60);
  });

  test('has the exit code, the error and the hint of a failure as fields', async () => {
    pair = await freshPair();
    const { exitCode, stdout, stderr } = await changingNothing(pair, () =>
      pair.cycle('--log-format', 'json', '--json'),
    );

    const error = `${pair.target} on dst does not exist: this pair is not primed, or the target was destroyed or renamed`;
    const hint = `make the first full send: zferry prime ${pair.source} ${pair.place}`;
    expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: said({ error, hint }) });
    const line = (await pair.lines()).at(-1);
    expect(stdout).toBe(`${line}\n`);
    expect(fieldsOf(line)).toEqual({
      time,
      result: 'failed',
      verb: 'run',
      source: pair.source,
      target: pair.place,
      host: 'dst',
      seconds: expect.any(Number),
      notes: [],
      kept: [],
      exitCode: 3,
      error,
      hint,
    });
  });

  test('has the other run of a cycle that was skipped as a field', async () => {
    pair = await primedPair();
    const slow = await startSlowCycle(pair, 15);
    const second = await pair.cycle('--log-format', 'json', '--json');

    expect(second).toEqual({ exitCode: 4, stdout: expect.any(String), stderr: '' });
    expect(fieldsOf(second.stdout)).toEqual({
      time,
      result: 'skipped',
      verb: 'run',
      source: pair.source,
      target: pair.place,
      host: 'dst',
      seconds: expect.any(Number),
      holder: {
        pid: slow.pid,
        started: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/),
        sent: expect.any(Number),
        total: expect.any(Number),
      },
    });
    expect((await pair.lines()).at(-1)).toBe(second.stdout.trimEnd());
    expect(await slow.done).toEqual(silentSuccess);
  });

  test('is whole when several runs end at once', async () => {
    pair = await primedPair();
    const runs = 6;
    const command = underCron([pair.source, pair.place, '--log', pair.log]);
    await src.ok(`for i in $(seq ${runs}); do ${command} & done; wait`);

    const lines = (await pair.lines()).slice(1);
    expect(lines).toHaveLength(runs);
    const whole = new RegExp(
      `^${logTime} \\S+ (replicated to dst successfully\\. incremental .* s|skipped for dst: .* (is at work|is still at work|is still sending, .*))$`,
    );
    for (const line of lines) expect(line).toMatch(whole);
    expect(lines.some((line) => line.includes('successfully'))).toBe(true);
  });
});

describe('a log that cannot be written is reported, and the cycle goes on', () => {
  test.each([
    [
      'in a folder that does not exist',
      '/nonexistent/zferry.log',
      'ENOENT: no such file or directory',
    ],
    ['that is a folder', '/var/log', 'EISDIR: illegal operation on a directory'],
    ['on a read-only file system', '/proc/zferry.log', 'ENOENT: no such file or directory'],
  ])('%s', async (_what, file, reason) => {
    pair = await primedPair();
    const [before] = await snapshots(src, pair.source);
    const result = await src.run(underCron([pair.source, pair.place, '--log', file]));

    const error = `cannot write the log ${file}: ${reason}, open '${file}'`;
    expect(result).toEqual({ exitCode: 0, stdout: '', stderr: said({ error }) });
    expect(await newestEqual(pair)).not.toBe(before);
  });
});

describe('what is printed off a terminal', () => {
  test('errors only with --quiet', async () => {
    pair = await primedPair();

    expect(await pair.prime('--quiet')).toEqual(silentSuccess);
    expect(await pair.cycle('--quiet', '--verbose')).toEqual(silentSuccess);
    const { stderr } = await pair.zferry(pair.source, 'nosuchhost', '--quiet');
    expect(stderr).toMatch(/^zferry: error: ssh: Could not resolve .*\nzferry: hint: .*\n$/);
  });

  test('each step with --verbose', async () => {
    pair = await primedPair();
    const { stdout, stderr } = await pair.cycle('--verbose');

    const label = await newestEqual(pair);
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toEqual([
      `zferry: asking ${pair.place}`,
      'zferry: making a snapshot',
      `zferry: sending ${pair.source}@${label}`,
      'zferry: recording and pruning',
      '',
    ]);
  });

  test('with -vv also when, and each process with the time it took', async () => {
    pair = await primedPair();
    const { exitCode, stdout, stderr } = await pair.cycle('-vv');
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' });
    const lines = stderr.split('\n').slice(0, -1);
    for (const line of lines) expect(line).toMatch(/^zferry: \d+\.\d{3} \S/);
    const ended = lines.filter((line) => / after \d+ ms$/.test(line));
    expect(ended.map((line) => line.split(' ')[2])).toEqual(
      expect.arrayContaining(['flock', 'ssh', 'zfs', 'lzop']),
    );
    expect(ended.filter((line) => / zfs .*: 0 after /.test(line))).toHaveLength(6);
  });
});

describe('an ordinary user', () => {
  /** That user's zferry, started where the user may not even look. */
  const zferryAs = async (user: User, ...words: readonly string[]) => {
    await src.ok(sh`cp /root/.ssh/id_ed25519 /root/.ssh/known_hosts ${user.home}/.ssh/`);
    await src.ok(sh`chown -R ${user.name}: ${user.home}`);
    const command = ['/usr/local/bin/zferry', ...words].map(quote).join(' ');
    return src.run(
      `cd /root && setpriv --reuid ${user.name} --regid ${user.name} --clear-groups env -i HOME=${user.home} PATH=/usr/bin:/bin ${command}`,
    );
  };

  const log = (user: User) => src.ok(sh`cat ${user.home}/.local/state/zferry/zferry.log`);

  test('replicates with the rights that zfs allow gives, and logs in a state folder of its own', async () => {
    pair = await primedPair();
    const user = await makeUser(src);
    cleanups.push(user.remove);
    await src.ok(senderAllow(user.name, pair.source));

    expect(await zferryAs(user, pair.source, pair.at('root@dst'))).toEqual(silentSuccess);
    const label = await newestEqual(pair);
    expect(await snapshots(src, pair.source)).toEqual([label]);
    expect(await log(user)).toMatch(/ replicated to root@dst successfully\. incremental .* s$/);
  });

  test('without them is told what is missing', async () => {
    pair = await primedPair();
    const user = await makeUser(src);
    cleanups.push(user.remove);
    const result = await changingNothing(pair, () =>
      zferryAs(user, pair.source, pair.at('root@dst')),
    );

    expect(result).toEqual({ exitCode: 1, stdout: '', stderr: expect.any(String) });
    const [error, hint] = result.stderr.split('\n');
    expect(error).toMatch(/^zferry: error: cannot create snapshots? .*: permission denied$/);
    expect(hint).toBe(
      `zferry: hint: as root: ${senderAllow(user.name, pair.source)} (or use --sudo)`,
    );
    expect(await log(user)).toMatch(/ failed to replicate to root@dst! ERROR! cannot create /);
  });
});
