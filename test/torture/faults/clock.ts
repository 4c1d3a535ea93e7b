import { src } from '../../lab/support/host.ts';
import { everyMoment } from '../tap.ts';
import type { Fault } from './fault.ts';

const moved = (name: string, there: string, back: string): Fault => ({
  name,
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async () => {
    await src.ok(`date -s '${there}' >/dev/null`);
    return { heal: async () => void (await src.ok(`date -s '${back}' >/dev/null`)) };
  },
});

export const clockFaults: readonly Fault[] = [
  moved('clock of src set back a day', '-1 day', '+1 day'),
  moved('clock of src set forward a day', '+1 day', '-1 day'),
];
