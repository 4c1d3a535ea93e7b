import { fileURLToPath } from 'node:url';
import { labLoudly } from './lab.ts';

const BINARY = fileURLToPath(new URL('../../../dist/zferry', import.meta.url));

/** vitest's globalSetup. The hosts stay up: the next run starts at once. */
export default async function setup(): Promise<void> {
  await labLoudly('up');
  await labLoudly('install', BINARY);
  // The demo's, which goes on until somebody ends it
  await labLoudly('run', 'src', 'crontab -r 2>/dev/null || true');
}
