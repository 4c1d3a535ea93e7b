import { usageError } from '../errors.ts';
import { isInstalled } from './environment.ts';

/**
 * How much of what goes over a wire is the stream. ssh adds 0.3 %, TCP, IP and Ethernet another 4.5 % in frames
 * of 1500 bytes (6 % with IPv6), and next to nothing where a counter sees the larger packets that a network
 * card splits by itself. The middle keeps all of them within 3 % of what was asked for.
 */
const streamShare = 0.97;

/** The command that lets so many bytes a second onto the wire. Throws a usage error where this host has none. */
export const limiter = (bytesPerSecond: number): readonly [string, ...string[]] => {
  const rate = String(Math.max(1, Math.round(bytesPerSecond * streamShare)));
  if (isInstalled('pv')) return ['pv', '-q', '-L', rate];
  if (isInstalled('mbuffer')) return ['mbuffer', '-q', '-r', rate];
  throw usageError('--rate needs pv or mbuffer on this host', 'apt install pv');
};
