import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { src } from './host.ts';
import { sh } from './quote.ts';
import { wrapping } from './wrapper.ts';

/**
 * Puts shell scripts in front of programs on src, for one test. `$real` in a script is the program's own
 * path. Answers the folder, for `underCron`.
 */
export const wrapTools = async (scripts: Readonly<Record<string, string>>): Promise<string> => {
  const folder = `/tmp/tools-${randomBytes(4).toString('hex')}`;
  onTestFinished(async () => void (await src.run(sh`rm -rf ${folder}`)));
  const scripted = Object.entries(scripts).map((each) => wrapping(folder, ...each));
  await src.ok([sh`mkdir ${folder}`, ...scripted].join(' && '));
  return folder;
};
