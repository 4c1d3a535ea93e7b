import { dst, type Host, src } from '../../lab/support/host.ts';
import { lab } from '../../lab/support/lab.ts';
import { everyMoment, inTheStream } from '../tap.ts';
import type { Fault } from './fault.ts';

const plugOf = (...hosts: readonly Host[]): Fault => ({
  name: `plug of ${hosts.map(({ name }) => name).join(' and ')} pulled`,
  healing: 'itself',
  moments: everyMoment,
  alone: true,
  strike: async () => {
    await Promise.all(hosts.map((host) => host.unplug()));
    return { heal: async () => void (await Promise.all(hosts.map((host) => host.boot()))) };
  },
});

/** In order: what runs there is ended, pools are exported, and the kernel that comes back knows no connection. */
const reboot: Fault = {
  name: 'reboot of dst',
  healing: 'itself',
  moments: inTheStream,
  alone: true,
  strike: async () => {
    await lab('halt', 'dst');
    await dst.boot();
    return {};
  },
};

export const powerFaults: readonly Fault[] = [plugOf(src), plugOf(dst), plugOf(src, dst), reboot];
