import { sh } from '../../lab/support/quote.ts';
import { untilDone } from './by-hand.ts';
import type { Victim } from './victim.ts';

const clone = 'tank/by-hand-clone';

/** Clones a snapshot of one of the victim's two datasets; a volume is mounted nowhere. */
export const cloneByHand = ({ isVolume }: Victim, snapshot: string): string =>
  isVolume
    ? sh`/usr/sbin/zfs clone ${snapshot} ${clone}`
    : sh`/usr/sbin/zfs clone -o mountpoint=none ${snapshot} ${clone}`;

/** Takes the clone away, where there is one. */
export const cloneGone = untilDone(
  sh`! /usr/sbin/zfs list ${clone} >/dev/null || /usr/sbin/zfs destroy ${clone}`,
);
