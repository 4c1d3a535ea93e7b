import { fileURLToPath } from 'node:url';
import { labLoudly } from './lab.ts';

const BINARY = fileURLToPath(new URL('../../../dist/zferry', import.meta.url));

/** vitest's globalSetup. The hosts stay up: the next run starts at once. */
export default async function setup(): Promise<void> {
  await labLoudly('up');
  await labLoudly('install', BINARY);
}
