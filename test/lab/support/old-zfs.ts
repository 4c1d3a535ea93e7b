import { onTestFinished } from 'vitest';
import type { Host } from './host.ts';
import { lab } from './lab.ts';

/** Where scripts/lab puts the commands of OpenZFS 2.1, which find their libraries there. */
const folder = '/opt/zfs-2.1';

/**
 * Puts zfs and zpool of OpenZFS 2.1 in the place of a host's own, for one test. The kernel's module stays: what
 * is said, and how it is said, comes from the commands' libraries.
 */
export const useOldZfs = async (hosts: readonly Host[]): Promise<void> => {
  await lab('old-zfs');
  const each = (command: string) =>
    Promise.all(
      hosts.map((host) =>
        host.ok(`for name in zfs zpool; do at=$(command -v $name); ${command}; done`),
      ),
    );
  onTestFinished(async () => void (await each('umount $at')));
  await each(`mount --bind ${folder}/$name $at`);
  for (const host of hosts) {
    const version = await host.ok('zfs version');
    if (!version.startsWith('zfs-2.1')) throw new Error(`${host.name} has ${version}`);
  }
};
