import { dst } from './host.ts';
import { sh } from './quote.ts';

/** One more sshd on dst: a host of its own as far as ssh can tell. */
export interface Sshd {
  readonly starts: () => Promise<void>;
  /** Returns when it takes no connections any more; those that are there stay. */
  readonly ends: () => Promise<void>;
}

/** It listens on a port of its own, and has what its host's sshd has but for these options. */
export const secondSshd = (port: number, ...options: readonly string[]): Sshd => {
  const pidFile = `/run/sshd-${port}.pid`;
  const words = [`PidFile=${pidFile}`, ...options].map((option) => sh`-o ${option}`).join(' ');
  return {
    starts: async () => void (await dst.ok(`/usr/sbin/sshd -p ${port} ${words}`)),
    ends: async () =>
      void (await dst.ok(
        sh`[ ! -e ${pidFile} ] || kill $(cat ${pidFile}); while [ -e ${pidFile} ]; do sleep 0.1; done`,
      )),
  };
};
