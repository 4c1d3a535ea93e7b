import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { liar } from './support/liar.ts';
import { silentSuccess } from './support/outcome.ts';
import {
  guid,
  newestEqual,
  type Pair,
  primedPair,
  snapshots,
  stateOf,
  underCron,
  unused,
  writeFiles,
} from './support/pair.ts';
import { sh } from './support/quote.ts';
import { verdictOf } from './support/refusal.ts';
import { reportOf } from './support/report.ts';
import type { Result } from './support/result.ts';
import { isTidy } from './support/tidy.ts';
import { wrapTools } from './support/tools.ts';
import { below } from './support/tree.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await primedPair();
});
afterAll(async () => pair.remove());

/** Each lie meets a pair that is current; whatever it did, an honest target is served at once afterwards. */
beforeEach(async () => {
  await writeFiles(pair.source, 'more');
  onTestFinished(async () => {
    expect(await pair.cycle()).toEqual(silentSuccess);
    await isTidy(pair);
  });
});

interface Told {
  readonly result: Result;
  /** The words of each zfs command on the source. */
  readonly calls: readonly string[];
}

/** A cycle with the target lying, and what zfs was asked for on the source. */
const lied = async (options: readonly string[], ...more: readonly string[]): Promise<Told> => {
  const tools = await wrapTools({ zfs: 'echo "$*" >>"${0%/*}/calls"' });
  const words = [pair.source, pair.place, '--log', pair.log, ...options, ...more];
  const result = await src.run(underCron(words, tools), { timeout: 100_000 });
  const calls = (await src.ok(sh`cat ${`${tools}/calls`} 2>/dev/null || true`)).split('\n');
  return { result, calls };
};

/** Streams that the source was asked for, and not only told about. */
const streams = (calls: readonly string[]): readonly string[] =>
  calls.filter((call) => call.startsWith('send ') && !call.startsWith('send -nvP'));

/** A lying `zfs get` there: what it says of the target's resume token. */
const tokenLie = (token: string): string =>
  `[ "$1" != get ] || { $real "$@" | awk -F'\\t' -v OFS='\\t' '$1 == "${pair.target}" && $2 == "receive_resume_token" { $3 = "${token}" } { print }'; exit; }`;

/** A lying `zfs list` of the target's snapshots there: an awk program over name, guid, createtxg, mark. */
const listLie = (program: string): string =>
  `case "$*" in *' -t snapshot -o name,guid'*) $real "$@" | awk -F'\\t' -v OFS='\\t' '${program}'; exit;; esac`;

const notYet = (what: string): string => `$real "$@" | awk -F'\\t' -v OFS='\\t' '${what}'`;

describe('a resume token', () => {
  /** One that zfs made itself, of a dataset of the source's host that is nobody's business. */
  const tokenOf = async (...properties: readonly string[]): Promise<readonly string[]> => {
    const secret = unused();
    const partial = unused(dst);
    onTestFinished(async () => {
      await Promise.all([
        src.run(sh`zfs destroy -r ${secret}`),
        dst.run(sh`zfs destroy -r ${partial}`),
      ]);
    });
    const words = properties.flatMap((property) => ['-o', property]).join(' ');
    await src.ok(
      sh`echo 12345678 >/tmp/key && zfs create` +
        ` ${words} ${secret} && head -c 3000000 /dev/urandom >/${secret}/file && zfs snapshot ${secret}@a`,
    );
    await src.run(
      `zfs send ${secret}@a | head -c 1500000 | ssh dst "zfs receive -s -u ${partial}"`,
    );
    const token = await dst.ok(sh`zfs get -H -o value receive_resume_token ${partial}`);
    return [token, secret];
  };

  test.each([
    ['in the clear', []],
    [
      'encrypted, which its token would send in the clear',
      ['encryption=on', 'keyformat=passphrase', 'keylocation=file:///tmp/key'],
    ],
  ])('of another dataset, %s, makes no stream', async (_, properties) => {
    const [token = '', secret] = await tokenOf(...properties);
    expect(token).toMatch(/^1-/);
    const before = await stateOf(src, pair.source);
    const { result, calls } = await lied(await liar({ zfs: tokenLie(token) }));
    expect(verdictOf(result)).toMatchObject({
      exitCode: 3,
      error: `${pair.target} on dst has a partial receive of ${secret}@a, which is not of this source`,
    });
    expect(streams(calls)).toEqual([]);
    expect(calls).toContain(`send -nvP -t ${token}`);
    expect(await stateOf(src, pair.source)).toBe(before);
  });

  test('that zfs never made is not handed to zfs', async () => {
    const file = `/tmp/token-${randomBytes(4).toString('hex')}`;
    onTestFinished(async () => void (await dst.run(sh`rm -f ${file}`)));
    const options = await liar({ zfs: tokenLie(`'"$(cat ${file})"'`) });
    for (const token of [
      ...['$(id)', '1-a-b-c;id', '-t', '1-zz-f8-78', '\u001b[2J', 'x'.repeat(1_000)],
    ]) {
      await dst.write(file, token);
      const { result, calls } = await lied(options);
      const { exitCode, error } = verdictOf(result);
      expect({ token, exitCode, error }).toEqual({
        token,
        exitCode: 1,
        error: expect.stringMatching(/^the target's resume token is malformed: '/),
      });
      expect(error.length).toBeLessThan(400);
      expect(calls.filter((call) => call.includes('send'))).toEqual([]);
    }
  });

  test('that is none, in the report of a failed receive, costs the source nothing', async () => {
    const zfs = `[ "$1" != receive ] || { cat >/dev/null; echo 'cannot receive: I/O error' >&2; exit 1; }
      case "$*" in *' -t filesystem,volume,snapshot '*) ${notYet('{ $5 = "$(id)" } { print }')}; exit;; esac`;
    const { result, calls } = await lied(await liar({ zfs }));
    expect(verdictOf(result)).toMatchObject({
      exitCode: 1,
      error: 'dst: cannot receive: I/O error',
    });
    expect(calls.filter((call) => call.startsWith('destroy'))).toEqual([]);
  });
});

describe('guids of the target', () => {
  test.each([
    [
      'that are no numbers',
      '{ $2 = "x" $2 } { print }',
      1,
      /^cannot read what zfs list printed: '/,
    ],
    [
      'that are too large',
      '{ $2 = $2 "000000" } { print }',
      1,
      /^cannot read what zfs list printed: '/,
    ],
    ['that are not its own', '{ $2 = 12345 } { print }', 3, / have no common snapshot /],
    [
      'with a transaction group that cannot be',
      '{ $3 = "1e99" } { print }',
      1,
      /^cannot read what zfs list printed: '/,
    ],
    [
      'under names that ZFS does not allow',
      '{ $1 = $1 "\\033[31m$(id)" } { print }',
      1,
      /^cannot read what zfs list printed: '/,
    ],
  ])('%s are refused, and nothing is sent', async (_, program, exitCode, error) => {
    const before = await stateOf(src, pair.source);
    const { result, calls } = await lied(await liar({ zfs: listLie(program) }));
    expect(verdictOf(result)).toMatchObject({ exitCode, error: expect.stringMatching(error) });
    expect(streams(calls)).toEqual([]);
    expect(await stateOf(src, pair.source)).toBe(before);
  });

  test('that stand there twice do no harm', async () => {
    const { result } = await lied(await liar({ zfs: listLie('{ print; print }') }));
    expect(result).toMatchObject({ exitCode: 0, stdout: '' });
  });

  test('of a base that is not there: zfs there refuses, and the real base stays', async () => {
    const claimed = `${pair.source}@claimed`;
    await src.ok(sh`zfs snapshot ${claimed}`);
    onTestFinished(async () => void (await src.run(sh`zfs destroy ${claimed}; true`)));
    const line = `END { print "${pair.target}@claimed", "${await guid(src, claimed)}", "99999999", "-" }`;
    // With a policy it is asked for all of its snapshots
    const policy = ['--keep-target', 'last=1'];
    const { result, calls } = await lied(
      await liar({ zfs: listLie(`{ print } ${line}`) }),
      ...policy,
    );
    // By the bookmark that was just made of it
    expect(streams(calls)[0]).toContain(`-i ${pair.source}#zferry_`);
    expect(verdictOf(result)).toMatchObject({
      exitCode: 3,
      error: expect.stringMatching(/^dst: .*does not match incremental source/),
    });
    await src.ok(sh`zfs destroy ${claimed}`);
  });
});

describe('the outcome of a receive', () => {
  test.each([
    [
      'is no success when the snapshot is there but zfs receive failed',
      '[ "$1" != receive ] || { $real "$@"; exit 1; }',
      /^dst: receiving incremental stream of /,
    ],
    [
      'is no success when zfs receive says so but the snapshot is not there',
      '[ "$1" != receive ] || { cat >/dev/null; exit 0; }',
      /^@zferry_\S+ did not arrive on dst$/,
    ],
    [
      'drives neither the terminal nor the log',
      `[ "$1" != receive ] || { cat >/dev/null; printf 'cannot\\033[2J receive\\302\\233 31m\\r\\342\\200\\256evil\\007\\n' >&2; exit 1; }`,
      /^dst: cannot \[2J receive {2}31m evil$/,
    ],
  ])('%s', async (_, zfs, error) => {
    const { result, calls } = await lied(await liar({ zfs }), '--log-format', 'json');
    expect(verdictOf(result)).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(error),
    });
    expect((await pair.lines()).at(-1)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const base = String((await snapshots(dst, pair.target))[0]);
    expect(calls).not.toContain(`destroy ${pair.source}@${base}`);
  });

  test('with absurd numbers is told without them', async () => {
    const zfs = `[ "$1" != receive ] || { $real "$@" | sed 's/^received .* stream/received ${'9'.repeat(400)}E stream/'; exit 0; }`;
    const { result } = await lied(await liar({ zfs }), '--json');
    expect(reportOf(result).bytes).toBeLessThan(2 ** 30);
  });

  test('names only what was to be pruned', async () => {
    const filter = `while IFS= read -r line; do case $line in 'section prune') echo "$line"; for n in 1 2 3; do printf 'pruned 1/evil\\033[2J%s/nothing\\n' $n; done;; *) printf '%s\\n' "$line";; esac; done`;
    const { result } = await lied(await liar({ filter }), '--json');
    expect(reportOf(result).kept).toEqual([]);
  });
});

test('a lie about one dataset of a tree fails that one, by its name, and the others are current', async () => {
  const [a, b, c] = [below(pair, 'a'), below(pair, 'b'), below(pair, 'c')];
  onTestFinished(async () => {
    for (const { source, target } of [a, b, c]) {
      await Promise.all([
        src.ok(sh`zfs destroy -r ${source}`),
        dst.ok(sh`zfs destroy -r ${target}`),
      ]);
    }
  });
  for (const { source } of [a, b, c]) {
    await src.ok(sh`zfs create ${source}`);
    await writeFiles(source, 'first');
  }
  expect(await pair.cycle('-r')).toEqual(silentSuccess);
  const [base] = await snapshots(src, b.source);
  for (const { source } of [a, b, c]) await writeFiles(source, 'second');
  const logged = (await pair.lines()).length;

  // Its stream is read to the end, and that is all
  const zfs = sh`case "$*" in "receive "*${b.target}) shift; exec $real receive -n "$@";; esac`;
  const { result } = await lied(await liar({ zfs }), '-r');
  const missing = String.raw`@zferry_\S+ did not arrive on dst`;
  const incomplete = `1 of 4 datasets are not current: ${b.source}`;
  expect(result).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringMatching(
      `^zferry: error: ${b.source}: ${missing}\nzferry: error: ${incomplete}\n$`,
    ),
  });
  const lines = (await pair.lines()).slice(logged);
  expect(lines).toEqual([
    expect.stringMatching(`^\\S+ ${pair.source}@\\S+ failed to .* ERROR! ${incomplete}$`),
    expect.stringMatching(`^\\S+ ${b.source}@\\S+ failed to .* ERROR! ${missing}$`),
  ]);
  const current = await Promise.all([pair, a, c].map(newestEqual));
  expect(new Set(current).size).toBe(1);
  expect(current).not.toContain(await newestEqual(b));
  expect(await snapshots(dst, b.target)).toEqual([base]);

  expect(await pair.cycle('-r')).toEqual(silentSuccess);
  expect(await newestEqual(b)).toBe(await newestEqual(a));
});

/** Runs a cycle, and says how much memory (KiB) it had at most. */
const measured = async (options: readonly string[]) => {
  const command = underCron([pair.source, pair.place, '--log', pair.log, ...options]);
  const { stdout, stderr, exitCode } = await src.run(
    `exec 3>&1; ${command} >&3 & p=$!; while grep VmHWM /proc/$p/status; do sleep 0.1; done 2>/dev/null | tail -n 1; wait $p`,
    { timeout: 100_000 },
  );
  return { result: { stdout: '', stderr, exitCode }, memory: Number(/(\d+) kB/.exec(stdout)?.[1]) };
};

describe('a target that does not stop talking', () => {
  const honestUpTo = (line: string): string => `sed -u '/^${line}/q'; `;

  test.each([
    ['before it has greeted', 'yes', '5s', /^no answer from dst within 5 s$/],
    [
      'before it has greeted, on one line',
      "yes | tr -d '\\n'",
      '5s',
      /^no answer from dst within 5 s$/,
    ],
    [
      'in its facts',
      `${honestUpTo('section facts')}yes 'has a word that is long enough to make many bytes of a line'`,
      '60s',
      /^dst does not stop talking$/,
    ],
    [
      'in its facts, on one line',
      `${honestUpTo('section facts')}yes | tr -d '\\n'`,
      '15s',
      /^dst stopped answering$/,
    ],
    [
      'in its report',
      `${honestUpTo('section receive')}yes said`,
      '60s',
      /^dst does not stop talking$/,
    ],
  ])('%s is given up, and does not fill the memory', async (_, filter, stall, error) => {
    const { result, memory } = await measured([...(await liar({ filter })), '--stall', stall]);
    expect(verdictOf(result)).toMatchObject({
      exitCode: 1,
      error: expect.stringMatching(error),
    });
    expect(memory).toBeGreaterThan(10_000);
    expect(memory).toBeLessThan(400_000);
  });
});

test('a session that breaks off after any kind of its lines fails in one line, and loses nothing', async () => {
  const [heard, cuts, bases] = ['/tmp/liar-lines', '/tmp/liar-cuts', '/tmp/liar-bases'];
  onTestFinished(async () => void (await dst.run(sh`rm -f ${heard} ${cuts} ${bases}`)));
  const whole = await liar({ filter: `tee ${heard}` });
  expect((await lied(whole)).result).toEqual(silentSuccess);
  const kinds = (await dst.run(sh`cat ${heard}`)).stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/[ \t]/)[0]);
  // What stands behind another line of its kind, such as `has`, is read as that is; and after the last line nothing breaks off
  const places = [...kinds.keys()]
    .filter((index) => kinds[index] !== kinds[index - 1])
    .map((index) => index + 1)
    .filter((place) => place < kinds.length);
  expect(places.length).toBeGreaterThan(15);

  // The next cycles run on src in one go. For each it is first written down what the one before has left there
  const newest = `${sh`zfs list -Hp -d 1 -t snapshot -o guid -s createtxg ${pair.target}`} | tail -n 1`;
  await dst.ok(`printf '%s\n' ${places.join(' ')} >${cuts}`);
  const broken = await liar({
    agent: `n=$(head -n 1 ${cuts}); sed -i 1d ${cuts}; ${newest} >>${bases}
      sh -c "$SSH_ORIGINAL_COMMAND" | { sed -u "$n"q; kill -KILL 0; }`,
  });
  const words = [pair.source, pair.place, '--log', pair.log, ...broken];
  const left = await src.ok(
    `for n in ${places.join(' ')}; do
      ${underCron(words)} 2>/tmp/said; [ $? = 1 ] || { echo "status of $n" >&2; exit 1; }
      grep -c . /tmp/said | grep -qx 1 && grep -q '^zferry: error: ' /tmp/said || { cat /tmp/said >&2; exit 1; }
      zfs list -Hp -d 1 -t snapshot,bookmark -o guid ${pair.source} | sed "s/^/$n /"
    done`,
    { timeout: 170_000 },
  );
  expect(await dst.ok(sh`cat ${cuts}`)).toBe('');
  const here = new Set(left.split('\n'));
  const [, ...there] = (await dst.ok(`cat ${bases}; ${newest}`)).split('\n');
  expect(there).toHaveLength(places.length);
  for (const [index, place] of places.entries()) {
    expect(here).toContain(`${place} ${there[index] ?? ''}`);
  }
}, 180_000);
