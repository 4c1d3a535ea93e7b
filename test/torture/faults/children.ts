import { dst, src } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { runPart, sourceOf, struckIn, treeChildren } from '../entries.ts';
import type { Hands } from '../judge/ledger.ts';
import { everyMoment } from '../tap.ts';
import { byHand, datasetsOf, giveUp, untilDone } from './by-hand.ts';
import { type Fault, nothing, type Scene } from './fault.ts';

const root = sourceOf.tree;
const [replicaRoot] = struckIn.tree.targets;

const replicaOf = (child: string): string =>
  `${replicaRoot?.dataset ?? ''}${child.slice(root.length)}`;

const made = (name: string): string =>
  sh`/usr/sbin/zfs create ${name} && head -c 100000 /dev/urandom >/${name}/file`;

/** Makes a child with a volume below it. */
const makeChild = async (number: number): Promise<void> => {
  const name = `${root}/n${number}`;
  await src.run(
    `${made(name)} && ${sh`/usr/sbin/zfs create -s -V 8M ${`${name}/v`}`} && ${untilDone(sh`head -c 500000 /dev/urandom | dd of=${`/dev/zvol/${name}/v`} conv=nocreat,notrunc,fsync status=none`)}`,
  );
};

/** Destroys a dataset of the source and all below it; answers whether it went. */
const destroyHere = async (hands: Hands, name: string): Promise<boolean> => {
  await giveUp(hands, src, name);
  return await byHand(hands, src, name, untilDone(sh`/usr/sbin/zfs destroy -r -f ${name}`));
};

/** A person takes away what has no source any more. */
const destroyThere = async (hands: Hands, name: string): Promise<void> => {
  await giveUp(hands, dst, name);
  await byHand(hands, dst, name, untilDone(sh`/usr/sbin/zfs destroy -r ${name}`));
};

/** The children that come and go, each with all below it. */
const comers = async (): Promise<readonly string[]> =>
  (await datasetsOf(src, root))
    .map(({ name }) => name)
    .filter((name) => /^n\d+$/.test(name.slice(root.length + 1)));

const MOST_COMERS = 2;

/** In the life of a tree children come and go: one more, or one less where there are enough. */
export const changeChildren = async (number: number, hands: Hands): Promise<void> => {
  const there = await comers();
  const [oldest] = there;
  if (oldest === undefined || there.length < MOST_COMERS) await makeChild(number);
  else await destroyHere(hands, oldest);
};

/** What zferry itself puts beside a replica that it replaces. */
const besides = /\.zferry_(new|old)(\/|$)/;

/** Makes the tree what it was: what has no source goes from the target, what always was there is there again. */
export const restoreChildren = async (hands: Hands): Promise<boolean> => {
  const here = new Set((await datasetsOf(src, root)).map(({ name }) => name));
  const there = (await datasetsOf(dst, replicaRoot?.dataset ?? '')).map(({ name }) => name);
  const orphans = there.filter(
    (name) =>
      !(here.has(`${root}${name.slice(replicaRoot?.dataset.length ?? 0)}`) || besides.test(name)),
  );
  // With what is above it, what is below it has gone already.
  for (const name of orphans) {
    if ((await datasetsOf(dst, name)).length > 0) await destroyThere(hands, name);
  }
  const missing = treeChildren.filter((path) => !here.has(`${root}/${path}`));
  for (const path of missing) await src.ok(made(`${root}/${path}`));
  return orphans.length + missing.length > 0;
};

/** A child that something can be done to as a whole: the fixed ones that nothing else needs, and those that come and go. */
const any = async ({ chance }: Scene): Promise<string> => {
  const all = [`${root}/c`, `${root}/a/b`, ...(await comers())];
  return all[Math.floor(chance * all.length)] ?? `${root}/c`;
};

const oneMore: Fault = {
  name: 'a new child in the tree',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  shapes: ['tree'],
  strike: async ({ number }) => {
    await makeChild(number);
    return nothing;
  },
};

const oneLess: Fault = {
  name: 'a child of the tree destroyed on the source',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  shapes: ['tree'],
  strike: async (scene) => {
    await destroyHere(scene.hands, await any(scene));
    return nothing;
  },
};

const anew: Fault = {
  name: 'a child of the tree destroyed and made anew',
  healing: 'person',
  moments: ['idle'],
  shapes: ['tree'],
  alone: true,
  strike: async (scene) => {
    const name = `${root}/c`;
    if (await destroyHere(scene.hands, name)) {
      scene.hands.baseIsGone.add(name);
      await src.ok(made(name));
    }
    return nothing;
  },
};

/** A person replicates one dataset of the tree alone. It does its work or steps back, and so does the tree. */
const partAlone: Fault = {
  name: 'a run for a part of the tree beside it',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  shapes: ['tree'],
  alone: true,
  strike: async (scene) => {
    const child = await any(scene);
    scene.hands.servedAlone.add(child);
    const part = runPart(child, replicaOf(child));
    part.catch(() => undefined);
    return {
      heal: async () => {
        const { exitCode, stdout, stderr } = await part;
        // What was made a moment ago is not primed yet.
        if (exitCode === 3 && stderr.includes('is not primed')) return;
        if (![0, 4].includes(exitCode) || stdout + stderr !== '') {
          throw new Error(`a run for ${child} beside the tree's ended with ${exitCode}: ${stderr}`);
        }
      },
    };
  },
};

export const childFaults: readonly Fault[] = [oneMore, oneLess, anew, partAlone];
