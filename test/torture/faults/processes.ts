import { setTimeout } from 'node:timers/promises';
import { dst, type Host, src } from '../../lab/support/host.ts';
import type { Shape } from '../entries.ts';
import { everyMoment, inTheStream, type Moment } from '../tap.ts';
import { type Fault, nothing } from './fault.ts';

/** A process of a cycle, and how its pids are found. */
interface Victim {
  readonly name: string;
  readonly host: Host;
  readonly pids: string;
  readonly moments: readonly Moment[];
  /** What has it; everything unless given. */
  readonly shapes?: readonly Shape[];
}

const agents = `pgrep -f '^sh -c : zferry-[a]gent'`;

const victims: readonly Victim[] = [
  {
    name: 'zferry',
    host: src,
    pids: `pgrep -f '^/usr/local/bin/[z]ferry'`,
    moments: everyMoment,
  },
  { name: 'zfs send', host: src, pids: `pgrep -f '^([^ ]*/)?zfs [s]end -v'`, moments: inTheStream },
  { name: 'the compressor', host: src, pids: 'pgrep -x lzop', moments: inTheStream },
  {
    name: "the shell that sends a tree's streams",
    host: src,
    pids: 'pgrep -f [z]ferry-convoy',
    moments: inTheStream,
    shapes: ['tree'],
  },
  { name: 'ssh', host: src, pids: 'pgrep -x ssh', moments: everyMoment },
  {
    name: 'the sshd session',
    host: dst,
    pids: `for p in $(${agents}); do ps -o ppid= -p $p; done | sort -u | while read -r p; do case $(cat /proc/$p/comm) in sshd*) echo $p;; esac; done`,
    moments: everyMoment,
  },
  { name: 'the decompressor', host: dst, pids: 'pgrep -x lzop', moments: inTheStream },
  { name: 'zfs receive', host: dst, pids: `pgrep -f '[z]fs receive'`, moments: inTheStream },
  { name: 'the agent', host: dst, pids: agents, moments: everyMoment },
];

const signal = (name: string, { host, pids }: Victim) => host.run(`kill -s ${name} $(${pids})`);

const killed = (victim: Victim): Fault => ({
  name: `kill -9 of ${victim.name}`,
  healing: 'itself',
  moments: victim.moments,
  ...(victim.shapes && { shapes: victim.shapes }),
  strike: async () => {
    await signal('KILL', victim);
    return nothing;
  },
});

/** Longer than the stall limit of a cycle here. */
const LONG_STOP_MS = 18_000;

/** zferry itself goes on in the end; anything else nobody wakes but zferry. */
const stopped = (victim: Victim): Fault => ({
  name: `SIGSTOP of ${victim.name}`,
  healing: 'itself',
  moments: inTheStream,
  ...(victim.shapes && { shapes: victim.shapes }),
  strike: async () => {
    await signal('STOP', victim);
    if (victim.name !== 'zferry') return nothing;
    await setTimeout(LONG_STOP_MS);
    await signal('CONT', victim);
    return nothing;
  },
});

export const processFaults: readonly Fault[] = [...victims.map(killed), ...victims.map(stopped)];
