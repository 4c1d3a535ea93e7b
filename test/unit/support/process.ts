import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { execPath } from 'node:process';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

/** A module of src, as an import in {@link startNode} names it. */
export const sourceModule = (path: string): string =>
  JSON.stringify(pathToFileURL(new URL(`../../../src/${path}`, import.meta.url).pathname).href);

/** Starts a node that runs the program; gives the process and the first line that it prints. */
export const startNode = async (
  program: string,
): Promise<{ readonly process: ChildProcess; readonly line: string }> => {
  const process = spawn(execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: process.stdout }), 'line');
  return { process, line: String(line) };
};
