import { dst } from './host.ts';
import { quote, sh } from './quote.ts';

/** One more sshd on dst: a host of its own as far as ssh can tell. */
export interface Sshd {
  readonly starts: () => Promise<void>;
  /** Returns when it takes no connections any more; those that are there stay. */
  readonly ends: () => Promise<void>;
}

/** It listens on a port of its own, and has the settings of its host's sshd but for these. */
export const secondSshd = (port: number, ...settings: readonly string[]): Sshd => {
  const [config, pidFile] = [`/run/sshd-${port}.conf`, `/run/sshd-${port}.pid`];
  const all = [`PidFile ${pidFile}`, ...settings];
  // Of some settings it is the last that counts, of others the first
  const replaced = all.map((setting) => setting.split(' ')[0]).join('|');
  const others = sh`grep -vE ${`^(${replaced}) `} /etc/ssh/sshd_config.d/lab.conf`;
  return {
    // It goes to the background before it listens
    starts: async () =>
      void (await dst.ok(
        `{ printf '%s\\n' ${all.map(quote).join(' ')}; ${others}; } >${config} && /usr/sbin/sshd -p ${port} -f ${config} && until ss -Hltn 'sport = :${port}' | grep -q .; do sleep 0.05; done`,
      )),
    ends: async () =>
      void (await dst.ok(
        sh`[ ! -e ${pidFile} ] || kill $(cat ${pidFile}); while [ -e ${pidFile} ]; do sleep 0.1; done; rm -f ${config}`,
      )),
  };
};
