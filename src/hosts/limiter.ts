import { usageError } from '../errors.ts';
import { isInstalled } from './environment.ts';

/** The command that lets so many bytes a second through. Throws a usage error where this host has none. */
export const limiter = (bytesPerSecond: number): readonly [string, ...string[]] => {
  if (isInstalled('pv')) return ['pv', '-q', '-L', String(bytesPerSecond)];
  if (isInstalled('mbuffer')) return ['mbuffer', '-q', '-r', String(bytesPerSecond)];
  throw usageError('--rate needs pv or mbuffer on this host', 'apt install pv');
};
