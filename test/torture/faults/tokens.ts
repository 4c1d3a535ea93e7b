import { src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { inTheStream } from '../tap.ts';
import { byHand, snapshotsOf } from './by-hand.ts';
import type { Fault } from './fault.ts';

/** The cycle is killed in the middle of its stream, and the snapshot that it sent destroyed. */
const snapshotGone: Fault = {
  name: 'a resume token whose snapshot is gone',
  healing: 'itself',
  moments: inTheStream,
  alone: true,
  strike: async ({ hands, victim: { source } }) => {
    await src.run(`pkill -KILL -f '^/usr/local/bin/[z]ferry'`);
    return {
      heal: async () => {
        const newest = (await snapshotsOf(src, source)).at(-1);
        const name = `${source}@${newest?.label ?? ''}`;
        await byHand(hands, src, source, sh`/usr/sbin/zfs destroy ${name}`);
      },
    };
  },
};

export const tokenFaults: readonly Fault[] = [snapshotGone];
