import { dst, src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { deviceOf } from '../entries.ts';
import { everyMoment } from '../tap.ts';
import { byHand, giveUp, guidOf, snapshotsOf, untilDone } from './by-hand.ts';
import { cloneByHand, cloneGone } from './clone.ts';
import { type Fault, nothing, type Scene } from './fault.ts';

const there = ({ hands, victim }: Scene, command: string) =>
  byHand(hands, dst, victim.replica, command);

const nth = async ({ victim, chance }: Scene): Promise<string> => {
  const all = await snapshotsOf(dst, victim.replica);
  return `${victim.replica}@${all[Math.floor(chance * all.length)]?.label ?? ''}`;
};

/** From here on the judge expects nothing of this dataset any more. */
const loseAll = async ({ hands, victim }: Scene): Promise<void> => {
  await giveUp(hands, dst, victim.replica);
  hands.baseIsGone.add(victim.source);
};

const newestDestroyed: Fault = {
  name: 'base destroyed on the target',
  leavesOnly: true,
  // What it has besides is older than anything that the source kept, but where --keep left it.
  healing: 'either',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    const newest = (await snapshotsOf(dst, scene.victim.replica)).at(-1);
    scene.hands.baseIsGone.add(scene.victim.source);
    await there(
      scene,
      sh`/usr/sbin/zfs destroy ${`${scene.victim.replica}@${newest?.label ?? ''}`}`,
    );
    return nothing;
  },
};

const allDestroyed: Fault = {
  name: 'all snapshots of the target destroyed',
  leavesOnly: true,
  healing: 'person',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await loseAll(scene);
    await there(
      scene,
      sh`for s in $(/usr/sbin/zfs list -H -d 1 -t snapshot -o name ${scene.victim.replica}); do /usr/sbin/zfs destroy "$s"; done`,
    );
    return nothing;
  },
};

const renamedSnapshot: Fault = {
  name: 'a snapshot of the target renamed',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const name = await nth(scene);
    const kept = `${scene.victim.replica}@by-hand-renamed`;
    const guid = await guidOf(dst, name);
    if (await there(scene, sh`/usr/sbin/zfs rename ${name} ${kept}`))
      scene.hands.made.add('dst', guid);
    return { tidy: async () => void (await there(scene, sh`/usr/sbin/zfs destroy ${kept}`)) };
  },
};

const held: Fault = {
  name: 'a hold on a snapshot of the target',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const name = await nth(scene);
    await dst.run(sh`/usr/sbin/zfs hold by-hand ${name}`);
    return { tidy: async () => void (await dst.run(sh`/usr/sbin/zfs release by-hand ${name}`)) };
  },
};

const cloned: Fault = {
  name: 'a clone of an old target snapshot',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const name = await nth(scene);
    await dst.run(cloneByHand(scene.victim, name));
    return { tidy: async () => void (await dst.ok(cloneGone)) };
  },
};

const foreign: Fault = {
  name: 'foreign snapshots on the target',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const names = [`${scene.victim.replica}@by-hand`, `${scene.victim.replica}@zferry_by-hand`];
    await there(scene, names.map((name) => sh`/usr/sbin/zfs snapshot ${name}`).join(' && '));
    return {
      tidy: async () => {
        for (const name of names) await there(scene, sh`/usr/sbin/zfs destroy ${name}`);
      },
    };
  },
};

const rolledBack: Fault = {
  name: 'target rolled back',
  shapes: ['filesystem', 'two targets'],
  healing: 'either',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    const [oldest] = await snapshotsOf(dst, scene.victim.replica);
    scene.hands.baseIsGone.add(scene.victim.source);
    await there(
      scene,
      sh`/usr/sbin/zfs rollback -r ${`${scene.victim.replica}@${oldest?.label ?? ''}`}`,
    );
    return nothing;
  },
};

const writable: Fault = {
  name: 'target made writable',
  healing: 'person',
  moments: ['idle'],
  strike: async ({ victim }) => {
    await dst.ok(sh`/usr/sbin/zfs set readonly=off ${victim.replica}`);
    return nothing;
  },
};

const writtenTo: Fault = {
  name: 'target mounted and written to',
  healing: 'person',
  moments: ['idle'],
  strike: async (scene) => {
    const { replica, isVolume } = scene.victim;
    const change = isVolume
      ? untilDone(
          sh`head -c 5000 /dev/urandom | dd of=${deviceOf(replica)} bs=1M seek=1 conv=nocreat,notrunc,fsync status=none`,
        )
      : sh`d=$(mktemp -d); mount -t zfs -o zfsutil ${replica} $d && echo changed >$d/by-hand; umount $d; rmdir $d`;
    // What a person gives up with --rollback is announced.
    await dst.ok(
      `${sh`/usr/sbin/zfs set readonly=off ${replica}`}; ${change}; ${sh`/usr/sbin/zfs set readonly=on ${replica}; zpool sync tank`}`,
    );
    return nothing;
  },
};

const renamedAway: Fault = {
  name: 'target renamed away',
  healing: 'person',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await loseAll(scene);
    const { replica, isVolume } = scene.victim;
    // What is not mounted is not mounted elsewhere, and zfs takes the word for filesystems only.
    await dst.ok(
      untilDone(sh`/usr/sbin/zfs rename ${isVolume ? '--' : '-u'} ${replica} tank/by-hand-away`),
    );
    return {
      tidy: async () =>
        void (await dst.ok(untilDone('/usr/sbin/zfs destroy -r tank/by-hand-away'))),
    };
  },
};

const destroyed: Fault = {
  name: 'target destroyed',
  healing: 'person',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await loseAll(scene);
    await dst.ok(untilDone(sh`/usr/sbin/zfs destroy -r ${scene.victim.replica}`));
    return nothing;
  },
};

/** Sends the beginning of something into the target, as another tool would that was interrupted. */
const partOf = (stream: string, dataset: string): Promise<unknown> =>
  src.run(`${stream} | head -c 3000000 | ssh dst ${sh`/usr/sbin/zfs receive -s -u ${dataset}`}`, {
    timeout: 40_000,
  });

const foreignPartial: Fault = {
  name: 'a partial receive left by something else',
  healing: 'either',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    const { source, replica: dataset } = scene.victim;
    const newest = (await snapshotsOf(dst, dataset)).at(-1);
    const base = (await snapshotsOf(src, source)).find(({ guid }) => guid === newest?.guid);
    await byHand(scene.hands, src, source, `/usr/sbin/zfs snapshot ${source}@by-hand-partial`);
    await partOf(
      sh`/usr/sbin/zfs send -i ${`@${base?.label ?? ''}`} ${`${source}@by-hand-partial`}`,
      dataset,
    );
    const tidy = async () => {
      await byHand(scene.hands, src, source, `/usr/sbin/zfs destroy ${source}@by-hand-partial`);
      await byHand(
        scene.hands,
        dst,
        dataset,
        sh`/usr/sbin/zfs destroy ${`${dataset}@by-hand-partial`}`,
      );
    };
    return { tidy };
  },
};

const foreignFirst: Fault = {
  name: 'a first full send of something else, interrupted, in the place of the target',
  healing: 'person',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await loseAll(scene);
    const { replica: dataset, isVolume } = scene.victim;
    await dst.ok(untilDone(sh`/usr/sbin/zfs destroy -r ${dataset}`));
    const noise = 'head -c 5000000 /dev/urandom';
    const made = isVolume
      ? `/usr/sbin/zfs create -s -V 16M tank/by-hand && ${untilDone(`${noise} | dd of=${deviceOf('tank/by-hand')} conv=nocreat,notrunc,fsync status=none`)}`
      : `/usr/sbin/zfs create tank/by-hand && ${noise} >/tank/by-hand/file`;
    await src.ok(`${made} && /usr/sbin/zfs snapshot tank/by-hand@one`);
    await partOf('/usr/sbin/zfs send tank/by-hand@one', dataset);
    scene.hands.givenUp.add(await guidOf(dst, dataset));
    return {
      tidy: async () => void (await src.ok(untilDone('/usr/sbin/zfs destroy -r tank/by-hand'))),
    };
  },
};

export const targetHandFaults: readonly Fault[] = [
  newestDestroyed,
  allDestroyed,
  renamedSnapshot,
  held,
  cloned,
  foreign,
  rolledBack,
  writable,
  writtenTo,
  renamedAway,
  destroyed,
  foreignPartial,
  foreignFirst,
];
