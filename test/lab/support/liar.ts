import { randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { dst, src } from './host.ts';
import { sh } from './quote.ts';
import { wrapping } from './wrapper.ts';

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
    await Promise.all([
      dst.run(sh`rm -rf ${folder}; sed -i /${name}/d /root/.ssh/authorized_keys`),
      src.run(sh`rm -f ${folder} ${`${folder}.pub`}`),
    ]);
  });
  const key = await src.ok(
    sh`ssh-keygen -q -t ed25519 -N '' -C ${name} -f ${folder} && cat ${`${folder}.pub`}`,
  );
  const run =
    agent ?? `sh -c "$SSH_ORIGINAL_COMMAND"${filter === undefined ? '' : ` | { ${filter}\n}`}`;
  const script = `#!/bin/sh\nexport PATH=${folder}/bin:$PATH\n${run}`;
  const commands = [
    sh`mkdir ${folder} && printf '%s\n' ${script} >${`${folder}/run`} && chmod 755 ${`${folder}/run`}`,
    ...(zfs === undefined ? [] : [wrapping(`${folder}/bin`, 'zfs', zfs)]),
    sh`echo ${`command="${folder}/run" ${key}`} >>/root/.ssh/authorized_keys`,
  ];
  await dst.ok(commands.join(' && '));
  return ['--ssh-option', `IdentityFile=${folder}`, '--ssh-option', 'IdentitiesOnly=yes'];
};
