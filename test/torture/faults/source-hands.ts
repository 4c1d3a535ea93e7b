import { dst, src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { everyMoment } from '../tap.ts';
import { byHand, snapshotsOf } from './by-hand.ts';
import { cloneByHand, cloneGone } from './clone.ts';
import { type Fault, nothing, type Scene } from './fault.ts';

const here = ({ hands, victim }: Scene, command: string) =>
  byHand(hands, src, victim.source, command);

/** The newest snapshot that the target has too. */
const baseOf = async ({ victim }: Scene): Promise<string | undefined> => {
  const there = new Set((await snapshotsOf(dst, victim.replica)).map(({ guid }) => guid));
  return (await snapshotsOf(src, victim.source)).findLast(({ guid }) => there.has(guid))?.label;
};

const any = async ({ victim, chance }: Scene): Promise<string | undefined> => {
  const all = await snapshotsOf(src, victim.source);
  return all[Math.floor(chance * all.length)]?.label;
};

const baseDestroyed: Fault = {
  name: 'base destroyed on the source',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const base = await baseOf(scene);
    if (base !== undefined)
      await here(scene, sh`/usr/sbin/zfs destroy ${`${scene.victim.source}@${base}`}`);
    return nothing;
  },
};

const bookmarksDestroyed = ({ victim }: Scene): string =>
  sh`for b in $(/usr/sbin/zfs list -H -d 1 -t bookmark -o name ${victim.source}); do /usr/sbin/zfs destroy "$b"; done`;

const onlyBookmarksDestroyed: Fault = {
  name: 'bookmarks destroyed',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  alone: true,
  // A target that is still being sent has nothing but its bookmark when another one is done.
  eitherIn: ['two targets'],
  strike: async (scene) => {
    // The main pair has its snapshot; the others' were freed, as their bookmarks stood for them.
    scene.hands.baseIsGone.add(scene.victim.source);
    await here(scene, bookmarksDestroyed(scene));
    return nothing;
  },
};

const everythingDestroyed: Fault = {
  name: 'all snapshots and bookmarks of the source destroyed',
  healing: 'person',
  leavesOnly: true,
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    scene.hands.baseIsGone.add(scene.victim.source);
    await here(
      scene,
      `${bookmarksDestroyed(scene)}; ${sh`for s in $(/usr/sbin/zfs list -H -d 1 -t snapshot -o name ${scene.victim.source}); do /usr/sbin/zfs destroy "$s"; done`}`,
    );
    return nothing;
  },
};

const renamed: Fault = {
  name: 'a snapshot of the source renamed',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const label = await any(scene);
    if (label === undefined) return nothing;
    const { source } = scene.victim;
    const kept = `${source}@by-hand-renamed`;
    const guid = (await snapshotsOf(src, source)).find((found) => found.label === label)?.guid;
    if (await here(scene, sh`/usr/sbin/zfs rename ${`${source}@${label}`} ${kept}`)) {
      scene.hands.made.add('src', guid ?? '');
    }
    return { tidy: async () => void (await here(scene, sh`/usr/sbin/zfs destroy ${kept}`)) };
  },
};

const held: Fault = {
  name: 'a hold on a snapshot of the source',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const label = await any(scene);
    const name = `${scene.victim.source}@${label ?? ''}`;
    await src.run(sh`/usr/sbin/zfs hold by-hand ${name}`);
    return {
      tidy: async () => void (await src.run(sh`/usr/sbin/zfs release by-hand ${name}`)),
    };
  },
};

const cloned: Fault = {
  name: 'a clone of a snapshot of the source',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    const label = await any(scene);
    await src.run(cloneByHand(scene.victim, `${scene.victim.source}@${label ?? ''}`));
    return { tidy: async () => void (await src.ok(cloneGone)) };
  },
};

const foreign: Fault = {
  name: 'foreign snapshots on the source',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async (scene) => {
    // One of them is named nearly as zferry would.
    const names = ['by-hand', 'zferry_by-hand'].map((label) => `${scene.victim.source}@${label}`);
    await here(scene, names.map((name) => sh`/usr/sbin/zfs snapshot ${name}`).join(' && '));
    return {
      tidy: async () => {
        for (const name of names) await here(scene, sh`/usr/sbin/zfs destroy ${name}`);
      },
    };
  },
};

/** The older base is still on both sides, and what the target has beyond it the source has no more. */
const rolledBack: Fault = {
  name: 'source rolled back behind the base',
  // Without a history there is nothing behind it.
  shapes: ['filesystem', 'two targets'],
  healing: 'either',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    const there = new Set((await snapshotsOf(dst, scene.victim.replica)).map(({ guid }) => guid));
    const { source } = scene.victim;
    const common = (await snapshotsOf(src, source)).filter(({ guid }) => there.has(guid));
    const [older, newer] = common.slice(-2);
    if (older === undefined || newer === undefined) return nothing;
    // Targets that have only newer ones lose what they had in common.
    scene.hands.baseIsGone.add(scene.victim.source);
    await here(scene, sh`/usr/sbin/zfs rollback -r ${`${source}@${older.label}`}`);
    return nothing;
  },
};

export const sourceHandFaults: readonly Fault[] = [
  baseDestroyed,
  onlyBookmarksDestroyed,
  everythingDestroyed,
  renamed,
  held,
  cloned,
  foreign,
  rolledBack,
];
