import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ending, startChild } from '../../../src/hosts/child.ts';
import { makePipes } from '../../../src/hosts/pipe.ts';
import { type Stage, startPipeline } from '../../../src/hosts/pipeline.ts';
import { tether } from '../support/tether.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'zferry-pipeline-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const sh = (program: string): Stage => ({ argv: ['sh', '-c', program] });

/** Runs the stages into a last process, as a transfer runs them into ssh. */
const flow = async (
  stages: readonly Stage[],
  last = 'cat',
  signal = new AbortController().signal,
) => {
  const file = join(folder, 'received');
  const reins = tether({ signal });
  const [end, ...between] = await makePipes(stages.length, reins);
  if (end === undefined) throw new Error('there is no pipe to the last process');
  const sink = startChild(['sh', '-c', `exec > ${file}; ${last}`], [end.readEnd, 'ignore'], reins);
  closeSync(end.readEnd);
  const children = startPipeline(stages, between, end.writeEnd, reins);
  const endings = await Promise.all(children.map(({ ended }) => ended));
  return { endings, last: await sink.ended, received: () => readFileSync(file) };
};

const statuses = (endings: readonly Ending[]) =>
  endings.map(({ exitCode, signal }) => signal ?? exitCode);

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a pipeline', () => {
  test('brings every byte to the last process, and each status is told', async () => {
    const random = join(folder, 'random');
    const { endings, last, received } = await flow([
      sh(`head -c 5000000 /dev/urandom | tee ${random}`),
      { argv: ['gzip', '-1c'] },
      { argv: ['gzip', '-dc'] },
    ]);
    expect(statuses([...endings, last])).toEqual([0, 0, 0, 0]);
    expect(endings.map(({ program }) => program)).toEqual(['sh', 'gzip', 'gzip']);
    expect(digest(received())).toBe(digest(readFileSync(random)));
  });

  test('of one stage works as well', async () => {
    const { endings, received } = await flow([sh('printf hello')]);
    expect(statuses(endings)).toEqual([0]);
    expect(received().toString()).toBe('hello');
  });

  test('gives its first stage nothing to read', async () => {
    const { endings, received } = await flow([{ argv: ['cat'] }]);
    expect(statuses(endings)).toEqual([0]);
    expect(received()).toHaveLength(0);
  });

  test.each([0, 1, 2])('tells which one failed, and what it said: stage %i', async (failing) => {
    const stages = [sh('echo x'), { argv: ['cat'] as const }, { argv: ['cat'] as const }];
    const failed = sh('cat >/dev/null; echo "stage broke" >&2; exit 7');
    const { endings } = await flow(stages.with(failing, failed));
    expect(statuses(endings)).toEqual([0, 0, 0].with(failing, 7));
    expect(endings[failing]?.said).toEqual(['stage broke']);
  });

  test('ends from behind when the last process goes away', async () => {
    const { endings, last } = await flow([{ argv: ['yes'] }, { argv: ['cat'] }], 'head -c 1');
    for (const { signal, said } of endings) {
      expect(signal === 'SIGPIPE' || /Broken pipe|Connection reset/.test(said.join())).toBe(true);
    }
    expect(last.exitCode).toBe(0);
  });

  test('ends from the front when the first process is killed', async () => {
    const { endings, last } = await flow([sh('echo x; kill -9 $$'), { argv: ['cat'] }]);
    expect(statuses([...endings, last])).toEqual(['SIGKILL', 0, 0]);
  });

  test('tells that a stage could not be started, and the others still end', async () => {
    const { endings } = await flow([
      { argv: ['yes'] },
      { argv: ['zferry-no-such-program'] },
      { argv: ['cat'] },
    ]);
    expect(endings[1]?.exitCode).not.toBe(0);
    expect(endings[1]?.said.join(' ')).toContain('zferry-no-such-program');
    expect(endings[0]?.exitCode).not.toBe(0);
    expect(endings[2]?.exitCode).toBe(0);
  });

  test('hands lines of standard error to the stage that asked for them', async () => {
    const lines: string[] = [];
    const onLine = (line: string) => lines.push(line) > 0;
    const { endings } = await flow([{ ...sh('echo "size 1" >&2'), onLine }, sh('echo oops >&2')]);
    expect(lines).toEqual(['size 1']);
    expect(endings.map(({ said }) => said)).toEqual([[], ['oops']]);
  });

  test('ends as a whole when the run is to end', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 200);
    const stages = [{ argv: ['sleep', '60'] as const }, { argv: ['cat'] as const }];
    const { endings, last } = await flow(stages, 'exec cat', controller.signal);
    for (const ending of [...endings, last]) expect(ending.exitCode).not.toBe(1);
    expect(endings[0]?.signal).toBe('SIGTERM');
  });
});
