import { fileURLToPath } from 'node:url';
import { labLoudly } from './lab.ts';
import { LABS } from './labs.ts';

const BINARY = fileURLToPath(new URL('../../../dist/zferry', import.meta.url));

/**
 * vitest's globalSetup. The hosts of the first lab stay up: the next run starts at once. A run for a single file
 * has the others too, for the seconds of their start.
 */
export default async function setup(): Promise<() => Promise<void>> {
  for (let nth = 1; nth <= LABS; nth += 1) {
    await labLoudly(nth, 'up');
    await labLoudly(nth, 'install', BINARY);
  }
  // The demo's, which goes on until somebody ends it
  await labLoudly(1, 'run', 'src', 'crontab -r 2>/dev/null || true');
  return async () => {
    for (let nth = 2; nth <= LABS; nth += 1) await labLoudly(nth, 'down');
  };
}
