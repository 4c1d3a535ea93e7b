import { closeSync, openSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../../src/hosts/command.ts';
import { newStarter } from '../../../src/hosts/starter.ts';
import { tether } from '../support/tether.ts';

const sh = (program: string, ...words: readonly string[]) =>
  ['sh', '-c', program, 'sh', ...words] as const;

const starter = newStarter();
afterAll(() => starter.close());

/** Started by this process, and by what starts the short commands of a run. */
describe.each([
  ['a short command', run],
  ['a short command of a run', starter.run],
])('%s', (_name, run) => {
  test('answers with what it printed, without the last line break, and how it ended', async () => {
    expect(await run(sh('echo out; echo; echo err >&2; exit 3'), tether())).toEqual({
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'err',
    });
  });

  test('gets its words exactly', async () => {
    const words = ['', ' a  b ', "'", '$(id)', '-n', '\\', 'two\nlines', 'ä日'];
    const { stdout } = await run(
      sh('for word; do printf "<%s>" "$word"; done', ...words),
      tether(),
    );
    expect(stdout).toBe(words.map((word) => `<${word}>`).join(''));
  });

  test('speaks English, finds what is in sbin and has nothing to read', async () => {
    const { stdout } = await run(sh('echo $LC_ALL; echo :$PATH:; cat'), tether());
    expect(stdout).toMatch(/^C\n.*:\/usr\/sbin:.*:\/sbin:.*$/s);
  });

  test('that cannot be started is a failure', async () => {
    await expect(run(['zferry-no-such-program'], tether())).rejects.toMatchObject({
      exitCode: 1,
      message: 'there is no zferry-no-such-program command on this host',
    });
  });

  test('that a signal ends is a failure', async () => {
    await expect(run(sh('kill -9 $$'), tether())).rejects.toMatchObject({
      exitCode: 1,
      message: 'sh did not run to its end: SIGKILL',
    });
  });

  test('is ended when it takes longer than the stall limit', async () => {
    const began = Date.now();
    await expect(run(['sleep', '60'], tether({ stall: 200 }))).rejects.toMatchObject({
      exitCode: 1,
      message: "'sleep 60' did not end within 0.2 s",
    });
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  test('is ended when the run is to end, with the reason of that', async () => {
    const controller = new AbortController();
    const reason = new Error('interrupted by SIGTERM');
    setTimeout(() => controller.abort(reason), 100);
    await expect(run(['sleep', '60'], tether({ signal: controller.signal }))).rejects.toBe(reason);
  });

  test('is not begun when the run is to end already', async () => {
    const reason = new Error('interrupted by SIGTERM');
    const signal = AbortSignal.abort(reason);
    await expect(run(['zferry-no-such-program'], tether({ signal }))).rejects.toBe(reason);
  });

  test('inherits the descriptors of the locks from 4 on', async () => {
    const descriptors = [openSync('/dev/null', 'r'), openSync('/etc/passwd', 'r')];
    const script = 'readlink /proc/$$/fd/4; readlink /proc/$$/fd/5; readlink /proc/$$/fd/6';
    const { stdout } = await run(sh(script), tether({ locks: descriptors }));
    for (const descriptor of descriptors) closeSync(descriptor);
    expect(stdout).toBe('/dev/null\n/etc/passwd');
  });
});
