import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { dst, src } from './host.ts';
import { sh } from './quote.ts';

/** How the target's host lies; shell scripts that run there as root. */
export interface Lie {
  /** In front of `zfs`; `$real` is the path of the real one, which runs where the script does not exit. */
  readonly zfs?: string;
  /** Reads what the agent says, and prints what the source gets to hear. */
  readonly filter?: string;
  /** Runs in place of the agent; `$SSH_ORIGINAL_COMMAND` is what the source asked for. */
  readonly agent?: string;
}

/**
 * A key for which dst's sshd runs such a lie, for one test. Answers the options with which zferry uses that
 * key: everything else between the two hosts is as ever.
 */
export const liar = async ({ zfs, filter, agent }: Lie): Promise<readonly string[]> => {
  const name = `liar-${randomBytes(4).toString('hex')}`;
  const folder = `/tmp/${name}`;
  onTestFinished(async () => {
    await dst.run(sh`rm -rf ${folder}; sed -i /${name}/d /root/.ssh/authorized_keys`);
    await src.run(sh`rm -f ${folder} ${`${folder}.pub`}`);
  });
  await src.ok(sh`ssh-keygen -q -t ed25519 -N '' -C ${name} -f ${folder}`);
  const key = await src.ok(sh`cat ${`${folder}.pub`}`);
  const real = await dst.ok('PATH=$PATH:/usr/sbin command -v zfs');
  if (zfs !== undefined) {
    await dst.write(`${folder}/bin/zfs`, `#!/bin/sh\nreal=${real}\n${zfs}\nexec $real "$@"\n`);
  }
  const run =
    agent ?? `sh -c "$SSH_ORIGINAL_COMMAND"${filter === undefined ? '' : ` | { ${filter}\n}`}`;
  await dst.write(`${folder}/run`, `#!/bin/sh\nexport PATH=${folder}/bin:$PATH\n${run}\n`);
  await dst.ok(
    sh`chmod -R 755 ${folder}; echo ${`command="${folder}/run" ${key}`} >>/root/.ssh/authorized_keys`,
  );
  return ['--ssh-option', `IdentityFile=${folder}`, '--ssh-option', 'IdentitiesOnly=yes'];
};
