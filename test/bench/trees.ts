import { readFile } from 'node:fs/promises';
import { dst, src } from '../lab/support/host.ts';
import { quote, sh } from '../lab/support/quote.ts';
import { type Contender, syncoid, type Way, zferry } from './contenders.ts';
import { smallChange } from './round-robin.ts';

const FLOOR = '/usr/local/sbin/bench-floor-tree';

/** Puts the script of the floor for trees onto src. */
export const installTreeFloor = async (): Promise<void> => {
  const script = await readFile(new URL('floor-tree.sh', import.meta.url), 'utf8');
  await src.write(FLOOR, script);
  await src.ok(sh`chmod 755 ${FLOOR}`);
};

export const treeZferry = zferry('--recursive');

export const treeFloor: Contender = {
  name: 'floor, with send -R',
  host: src,
  prime: ({ source, target, series }) => {
    const first = `${source}@${series}0`;
    const bookmarks = `for each in $(zfs list -H -o name -r ${quote(source)}); do zfs bookmark $each@${series}0 "#${series}0" || exit 1; done`;
    return `${sh`zfs snapshot -r ${first}`} && { ${bookmarks}; } && ${sh`zfs send -L -R ${first}`} | ${sh`ssh dst zfs receive -u -o readonly=on ${target}`}`;
  },
  cycle: ({ source, target, series }, compressor) =>
    sh`${FLOOR} ${source} dst ${target} ${compressor} ${series}`,
};

export const treeSyncoid: Contender = {
  name: 'syncoid --recursive',
  host: src,
  needs: 'syncoid',
  prime: (way, compressor) => treeSyncoid.cycle(way, compressor),
  cycle: (way, compressor) =>
    syncoid.cycle(way, compressor).replace('--quiet', '--quiet --recursive'),
};

const children = ({ source }: Way, count: number): string =>
  `for i in $(seq ${count - 1}); do d=${quote(source)}/d$i;`;

/** Makes a tree of so many datasets, the source among them. */
export const plant =
  (count: number) =>
  async (way: Way): Promise<void> => {
    await src.ok(`${children(way, count)} zfs create $d && date >/$d/file || exit 1; done`, {
      timeout: 600_000,
    });
  };

/** Throws unless each dataset's newest snapshot on dst is one that it has on src. */
const assertTree = async ({ source, target }: Way): Promise<void> => {
  const list = (root: string) =>
    sh`zfs list -Hp -r -t snapshot -o name,guid -s name -s createtxg ${root}`;
  const [here, there] = await Promise.all([src.ok(list(source)), dst.ok(list(target))]);
  const newest = new Map(
    there.split('\n').map((row) => {
      const [name = '', guid = ''] = row.split('\t');
      return [name.slice(0, name.indexOf('@')), guid] as const;
    }),
  );
  const guids = new Set(here.split('\n').map((row) => row.split('\t')[1]));
  const lost = [...newest].find(([, guid]) => !guids.has(guid));
  if (lost !== undefined) throw new Error(`${lost[0]} is not current`);
};

/** What happens before each cycle: the last one is looked at, and then all, one or none of the datasets change. */
export const changes = (count: number) => ({
  all: async (way: Way): Promise<void> => {
    await assertTree(way);
    await smallChange(way);
    await src.ok(`${children(way, count)} date >/$d/file; echo $RANDOM >>/$d/file; done`);
  },
  one: async (way: Way): Promise<void> => {
    await assertTree(way);
    await smallChange(way);
  },
  none: assertTree,
});
