import { dst, type Host, src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { frail } from '../entries.ts';
import { everyMoment, inTheStream } from '../tap.ts';
import { FRAIL_FOLDER } from '../temporary.ts';
import type { Fault } from './fault.ts';

const full = (host: Host): Fault => ({
  name: `pool full on ${host.name}`,
  healing: 'itself',
  moments: ['idle', ...inTheStream],
  strike: async () => {
    // What is reserved for the ballast nobody else can have.
    await host.run(
      '/usr/sbin/zfs create -o mountpoint=none tank/ballast; /usr/sbin/zfs set reservation=$(($(/usr/sbin/zfs get -Hp -o value available tank) - 200000)) tank/ballast',
    );
    // Another fault of the round may have kept it from being made
    return {
      heal: async () =>
        void (await host.ok(
          '! /usr/sbin/zfs list tank/ballast >/dev/null 2>&1 || /usr/sbin/zfs destroy tank/ballast',
        )),
    };
  },
});

const quota: Fault = {
  name: 'quota on the target',
  healing: 'itself',
  moments: ['idle', ...inTheStream],
  shapes: ['filesystem', 'tree', 'two targets'],
  strike: async ({ entry, victim }) => {
    // A volume has none; the tree's root has one for all below it.
    const dataset = victim.isVolume ? (entry.targets[0]?.dataset ?? '') : victim.replica;
    await dst.run(
      sh`/usr/sbin/zfs set quota=$(($(/usr/sbin/zfs get -Hp -o value used ${dataset}) + 500000)) ${dataset}`,
    );
    return { heal: async () => void (await dst.run(sh`/usr/sbin/zfs set quota=none ${dataset}`)) };
  },
};

const importAgain = 'zpool list tank >/dev/null 2>&1 || zpool import -d /dev tank';

/** The device of a volume may be looked at just then. */
const exportIt = 'n=0; until zpool export tank || [ $n -gt 40 ]; do n=$((n + 1)); sleep 0.25; done';

const exported: Fault = {
  name: "dst's pool exported",
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async () => {
    await dst.run('zpool export -f tank', { timeout: 30_000 });
    return { heal: async () => void (await dst.ok(importAgain)) };
  },
};

const readOnly: Fault = {
  name: "dst's pool read-only",
  healing: 'itself',
  moments: ['idle'],
  strike: async () => {
    await dst.run(`${exportIt}; zpool import -o readonly=on -d /dev tank`);
    return { heal: async () => void (await dst.ok(`${exportIt}; ${importAgain}`)) };
  },
};

const suspended: Fault = {
  name: "dst's pool suspended",
  healing: 'itself',
  moments: inTheStream,
  shapes: ['filesystem'],
  entry: frail,
  alone: true,
  strike: async () => {
    await dst.ok(
      `fallocate -l $(($(df --output=avail -B1 ${FRAIL_FOLDER} | tail -n 1) - 4096)) ${FRAIL_FOLDER}/ballast; for n in $(seq 150); do case $(zpool list -H -o health frail) in SUSPENDED) exit 0;; esac; sleep 0.1; done; true`,
      { timeout: 90_000 },
    );
    return {
      heal: async () => {
        await dst.ok(`rm -f ${FRAIL_FOLDER}/ballast; zpool clear frail`, { timeout: 40_000 });
      },
    };
  },
};

export const poolFaults: readonly Fault[] = [
  full(src),
  full(dst),
  quota,
  exported,
  readOnly,
  suspended,
];
