import { afterEach, describe, expect, test } from 'vitest';
import { src } from './support/host.ts';
import { logTime, silentSuccess } from './support/outcome.ts';
import { newestEqual, type Pair, primedPair, underCron, writeBigFile } from './support/pair.ts';
import { quote } from './support/quote.ts';

let pair: Pair | undefined;
afterEach(async () => {
  await pair?.remove();
  pair = undefined;
});

/** zferry on a terminal of its own, which prints everything to one place with \r\n as line ends. */
const onTerminal = (words: readonly string[], environment = '') =>
  src.run(
    `TERM=xterm-256color ${environment} script -qec ${quote(['/usr/local/bin/zferry', ...words].map(quote).join(' '))} /dev/null`,
    { timeout: 100_000 },
  );

const ESC = '\u001b';
const clearLine = `\r${ESC}[K`;

describe('a cycle on a terminal', () => {
  test('shows how far it is while it sends, and ends with the result', async () => {
    pair = await primedPair();
    await writeBigFile(pair.source, 'big', 10);
    const words = [pair.source, pair.place, '--rate', '1M', '--log', pair.log];
    const { exitCode, stdout } = await onTerminal(words);

    expect(exitCode).toBe(0);
    await newestEqual(pair);
    const shown = stdout.trimEnd().split(clearLine);
    const size = String.raw`\d+(\.\d+)? (B|KiB|MiB)`;
    const progress = new RegExp(
      `^${pair.source}: ${size} of about ${size}, \\d+ %(, ${size}/s, \\d+\\.\\d s left)?$`,
    );
    expect(shown.length).toBeGreaterThan(3);
    expect(shown[0]).toBe('');
    for (const line of shown.slice(1, -1)) expect(line).toMatch(progress);
    // The same as in the log, on a line that has nothing of the progress left
    expect(shown.at(-1)).toBe((await pair.lines()).at(-1));
    expect(shown.at(-1)).toMatch(new RegExp(`^${logTime} \\S+ replicated to dst successfully\\.`));
  });

  test('shows neither with --quiet, and off a terminal', async () => {
    pair = await primedPair();
    await writeBigFile(pair.source, 'big', 2);
    const words = [pair.source, pair.place, '--rate', '1M', '--log', pair.log];

    expect(await onTerminal([...words, '--quiet'])).toEqual(silentSuccess);
    expect(await src.run(underCron(words))).toEqual(silentSuccess);
  });

  test('says that another run is at work', async () => {
    pair = await primedPair();
    await writeBigFile(pair.source, 'big', 15);
    const words = [pair.source, pair.place, '--rate', '1M', '--log', pair.log];
    const slow = src.start(underCron(words));
    await src.until(`pgrep -f ${quote(`[z]fs send .*${pair.source}@`)}`);
    const { exitCode, stdout } = await onTerminal(words, 'NO_COLOR=1');

    expect(exitCode).toBe(4);
    expect(stdout).toMatch(
      new RegExp(
        `^zferry: error: another run for ${pair.source} to dst is still at work \\(pid \\d+, started .*\\)\r\n$`,
      ),
    );
    expect(await slow.done).toEqual(silentSuccess);
  });
});

describe('colours', () => {
  const wrong = ['vm', 'dst'];

  test('are shown on a terminal', async () => {
    const { exitCode, stdout } = await onTerminal(wrong);
    expect(exitCode).toBe(2);
    expect(stdout).toContain(`zferry: ${ESC}[31merror${ESC}[39m: 'vm' names no dataset\r\n`);
  });

  test.each(['NO_COLOR=1', 'TERM=dumb'])('are not shown with %s', async (environment) => {
    const { stdout } = await onTerminal(wrong, environment);
    expect(stdout).not.toContain(ESC);
    expect(stdout).toContain("zferry: error: 'vm' names no dataset\r\n");
  });

  test('are not shown off a terminal', async () => {
    const { stderr } = await src.run(`TERM=xterm-256color /usr/local/bin/zferry vm dst`);
    expect(stderr).not.toContain(ESC);
  });
});

describe('--help', () => {
  test.each([
    [[], 'zferry prime tank/vm backup     once'],
    [['run'], '*/5 * * * * /usr/local/bin/zferry tank/vm backup'],
    [['prime'], 'zferry prime tank/vm backup'],
  ])('of zferry %j has exit codes and an example', async (verb, example) => {
    const { exitCode, stdout, stderr } = await src.run(underCron([...verb, '--help']));

    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toContain(example);
    for (const code of [
      '0  replicated',
      '1  failed',
      '2  the command',
      '3  a person',
      '4  another',
    ]) {
      expect(stdout).toContain(`\n  ${code}`);
    }
  });
});

describe('output that nobody takes', () => {
  test('is no error of zferry: the reader went away', async () => {
    // The reader has ended before there is anything to read.
    const command =
      '{ sleep 0.3; /usr/local/bin/zferry --help; echo $? >/run/zferry-code; } | true; cat /run/zferry-code';
    expect(await src.run(command)).toEqual({ exitCode: 0, stdout: '0\n', stderr: '' });
  });

  test('because the disk is full is said', async () => {
    const { stderr } = await src.run('/usr/local/bin/zferry --help >/dev/full');
    expect(stderr).toMatch(/^zferry: error: cannot write to standard output: ENOSPC.*\n$/);
  });
});
