import { randomBytes } from 'node:crypto';
import { type Host, src } from './host.ts';
import { quote, sh } from './quote.ts';

/** An ordinary user of a host, for one test. */
export interface User {
  readonly name: string;
  readonly home: string;
  readonly remove: () => Promise<void>;
}

interface UserOptions {
  readonly shell?: string;
  /** Whether root of the other host gets in; true unless given. */
  readonly hasKey?: boolean;
  /** Files below the home folder, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

export const makeUser = async (
  host: Host,
  { shell = '/bin/sh', hasKey = true, files = {} }: UserOptions = {},
): Promise<User> => {
  const name = `u${randomBytes(4).toString('hex')}`;
  const home = `/home/${name}`;
  // Without PAM sshd lets nobody in whose password is locked; `*` is none that could be typed
  await host.ok(sh`useradd -m -s ${shell} -p '*' ${name} && install -d -m 700 ${home}/.ssh`);
  if (hasKey) await host.ok(sh`cp /root/.ssh/authorized_keys ${home}/.ssh/`);
  for (const [path, content] of Object.entries(files)) {
    await host.write(`${home}/${path}`, content);
  }
  await host.ok(sh`chown -R ${name}: ${home}`);
  return {
    name,
    home,
    remove: async () => {
      await host.ok(`pkill -KILL -u ${quote(name)}; userdel -f ${name}; rm -rf ${home}`);
    },
  };
};

/** Gives a user of src the key with which root gets in on dst. */
export const giveKey = async ({ name, home }: User): Promise<void> => {
  await src.ok(
    sh`cd ${home}/.ssh && cp /root/.ssh/id_ed25519 /root/.ssh/known_hosts . && chown ${name}: * && chmod 600 id_ed25519`,
  );
};

/** The command line with which a user of src runs zferry. */
export const asUser = ({ name, home }: User, words: readonly string[]): string => {
  const command = ['/usr/local/bin/zferry', ...words].map(quote).join(' ');
  return `setpriv --reuid ${name} --regid ${name} --clear-groups env -i HOME=${home} PATH=/usr/bin:/bin ${command}`;
};

/** What a user needs to receive into datasets below one that gives these rights. */
export const receiverRights = 'create,mount,receive,destroy,readonly,canmount';

/** The lines that give a user what it takes to replicate a dataset from here, as one command. */
export const senderAllow = (user: string, dataset: string): string =>
  `zfs allow -l -u ${user} bookmark,destroy,snapshot,userprop ${dataset} && zfs allow -d -u ${user} destroy,mount,send,userprop ${dataset}`;

/** The same for replicas below a dataset. */
export const receiverAllow = (user: string, parent: string): string =>
  `zfs allow -l -u ${user} create,mount,receive ${parent} && zfs allow -d -u ${user} canmount,create,destroy,mount,readonly,receive,userprop ${parent}`;
