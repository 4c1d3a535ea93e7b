import { onTestFinished } from 'vitest';
import type { Host } from './host.ts';
import { OWN } from './labs.ts';
import { quote, sh } from './quote.ts';

/**
 * A pool in a file, for one test. Answers its name: the label itself where the host has a kernel of its
 * own, which imports the pool again after a power cut; on the machine's own kernel none that anybody has.
 */
export const smallPool = async (host: Host, label: string, mebibytes: number): Promise<string> => {
  const name = OWN ? `${host.pool}-${label}` : label;
  const file = `${host.vdevs}/${name}.pool`;
  const options = OWN ? ['-o', 'cachefile=none'] : [];
  const create = ['zpool', 'create', ...options, '-m', 'none', name, file];
  await host.ok(sh`rm -f ${file} && truncate -s ${mebibytes * 2 ** 20} ${file}`);
  await host.ok(create.map(quote).join(' '));
  onTestFinished(async () => void (await host.run(sh`zpool destroy -f ${name}; rm -f ${file}`)));
  return name;
};
