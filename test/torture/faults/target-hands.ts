import { dst, src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { SOURCE } from '../pairs.ts';
import { everyMoment } from '../tap.ts';
import { byHand, guidOf, snapshotsOf } from './by-hand.ts';
import { type Fault, nothing, type Scene } from './fault.ts';

const there = ({ hands, target }: Scene, command: string) =>
  byHand(hands, dst, target.dataset, command);

const nth = async ({ target, chance }: Scene): Promise<string> => {
  const all = await snapshotsOf(dst, target.dataset);
  return `${target.dataset}@${all[Math.floor(chance * all.length)]?.label ?? ''}`;
};

/** From here on the judge expects nothing of this dataset any more. */
const giveUp = async ({ hands, target }: Scene): Promise<void> => {
  hands.givenUp.add(await guidOf(dst, target.dataset));
  hands.baseIsGone = true;
};

const newestDestroyed: Fault = {
  name: 'base destroyed on the target',
  // What it has besides is older than anything that the source kept, but where --keep left it.
  healing: 'either',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    const newest = (await snapshotsOf(dst, scene.target.dataset)).at(-1);
    scene.hands.baseIsGone = true;
    await there(
      scene,
      sh`/usr/sbin/zfs destroy ${`${scene.target.dataset}@${newest?.label ?? ''}`}`,
    );
    return nothing;
  },
};

const allDestroyed: Fault = {
  name: 'all snapshots of the target destroyed',
  healing: 'person',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await giveUp(scene);
    await there(
      scene,
      sh`for s in $(/usr/sbin/zfs list -H -d 1 -t snapshot -o name ${scene.target.dataset}); do /usr/sbin/zfs destroy "$s"; done`,
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
    const kept = `${scene.target.dataset}@by-hand-renamed`;
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
    await dst.run(sh`/usr/sbin/zfs clone -o mountpoint=none ${name} tank/by-hand-clone`);
    return { tidy: async () => void (await dst.run('/usr/sbin/zfs destroy tank/by-hand-clone')) };
  },
};

const foreign: Fault = {
  name: 'foreign snapshots on the target',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const names = [`${scene.target.dataset}@by-hand`, `${scene.target.dataset}@zferry_by-hand`];
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
  healing: 'either',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    const [oldest] = await snapshotsOf(dst, scene.target.dataset);
    scene.hands.baseIsGone = true;
    await there(
      scene,
      sh`/usr/sbin/zfs rollback -r ${`${scene.target.dataset}@${oldest?.label ?? ''}`}`,
    );
    return nothing;
  },
};

const writable: Fault = {
  name: 'target made writable',
  healing: 'person',
  moments: ['idle'],
  strike: async ({ target }) => {
    await dst.ok(sh`/usr/sbin/zfs set readonly=off ${target.dataset}`);
    return nothing;
  },
};

const writtenTo: Fault = {
  name: 'target mounted and written to',
  healing: 'person',
  moments: ['idle'],
  strike: async (scene) => {
    const { dataset } = scene.target;
    // What a person gives up with --rollback is announced.
    await dst.ok(
      sh`/usr/sbin/zfs set readonly=off ${dataset}; d=$(mktemp -d); mount -t zfs -o zfsutil ${dataset} $d && echo changed >$d/by-hand; umount $d; rmdir $d; /usr/sbin/zfs set readonly=on ${dataset}; zpool sync tank`,
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
    await giveUp(scene);
    await dst.ok(sh`/usr/sbin/zfs rename -u ${scene.target.dataset} tank/by-hand-away`);
    return {
      tidy: async () => void (await dst.run('/usr/sbin/zfs destroy -r tank/by-hand-away')),
    };
  },
};

const destroyed: Fault = {
  name: 'target destroyed',
  healing: 'person',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await giveUp(scene);
    await dst.ok(sh`/usr/sbin/zfs destroy -r ${scene.target.dataset}`);
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
    const { dataset } = scene.target;
    const newest = (await snapshotsOf(dst, dataset)).at(-1);
    const base = (await snapshotsOf(src, SOURCE)).find(({ guid }) => guid === newest?.guid);
    await byHand(scene.hands, src, SOURCE, `/usr/sbin/zfs snapshot ${SOURCE}@by-hand-partial`);
    await partOf(
      sh`/usr/sbin/zfs send -i ${`@${base?.label ?? ''}`} ${`${SOURCE}@by-hand-partial`}`,
      dataset,
    );
    const tidy = async () => {
      await byHand(scene.hands, src, SOURCE, `/usr/sbin/zfs destroy ${SOURCE}@by-hand-partial`);
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
    await giveUp(scene);
    const { dataset } = scene.target;
    await dst.ok(sh`/usr/sbin/zfs destroy -r ${dataset}`);
    await src.ok(
      '/usr/sbin/zfs create tank/by-hand && head -c 5000000 /dev/urandom >/tank/by-hand/file && /usr/sbin/zfs snapshot tank/by-hand@one',
    );
    await partOf('/usr/sbin/zfs send tank/by-hand@one', dataset);
    scene.hands.givenUp.add(await guidOf(dst, dataset));
    return { tidy: async () => void (await src.ok('/usr/sbin/zfs destroy -r tank/by-hand')) };
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
