import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { src } from './host.ts';
import { sh } from './quote.ts';

/**
 * Puts shell scripts in front of programs on src, for one test. `$real` in a script is the program's own
 * path. Answers the folder, for `underCron`.
 */
export const wrapTools = async (scripts: Readonly<Record<string, string>>): Promise<string> => {
  const folder = `/tmp/tools-${randomBytes(4).toString('hex')}`;
  onTestFinished(async () => void (await src.run(sh`rm -rf ${folder}`)));
  await src.ok(sh`mkdir ${folder}`);
  for (const [program, script] of Object.entries(scripts)) {
    const real = await src.ok(sh`PATH=$PATH:/usr/sbin:/sbin command -v ${program}`);
    const file = `${folder}/${program}`;
    await src.write(file, `#!/bin/sh\nreal=${real}\n${script}\nexec $real "$@"\n`);
    await src.ok(sh`chmod 755 ${file}`);
  }
  return folder;
};
