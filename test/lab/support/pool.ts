import { onTestFinished } from 'vitest';
import type { Host } from './host.ts';
import { sh } from './quote.ts';

/** A pool in a file, for one test. */
export const smallPool = async (host: Host, name: string, mebibytes: number): Promise<void> => {
  const file = `/var/tmp/${name}.pool`;
  await host.ok(
    sh`rm -f ${file} && truncate -s ${mebibytes * 2 ** 20} ${file} && zpool create -m none ${name} ${file}`,
  );
  onTestFinished(async () => void (await host.run(sh`zpool destroy -f ${name}; rm -f ${file}`)));
};
