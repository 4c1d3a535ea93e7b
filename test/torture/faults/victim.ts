import { dst, src } from '../../lab/support/host.ts';
import type { Entry } from '../entries.ts';
import { datasetsOf } from './by-hand.ts';

/** One dataset and its replica, for what is done by hand. */
export interface Victim {
  readonly source: string;
  readonly replica: string;
  readonly isVolume: boolean;
}

/** Of a tree any dataset that both sides have, or any of those that have none below them; of several targets any. The same for the same chance and the same tree. */
export const victimOf = async (
  entry: Entry,
  chance: number,
  leavesOnly: boolean,
): Promise<Victim> => {
  const target = entry.targets[Math.floor(chance * entry.targets.length)] ?? entry.targets[0];
  const replica = target?.dataset ?? '';
  const root: Victim = { source: entry.source, replica, isVolume: entry.shape === 'volume' };
  if (entry.shape !== 'tree') return root;
  const there = new Set((await datasetsOf(dst, replica)).map(({ name }) => name));
  const all = (await datasetsOf(src, entry.source))
    .map(({ name, isVolume }) => ({
      ...{ source: name, isVolume },
      replica: `${replica}${name.slice(entry.source.length)}`,
    }))
    .filter((each) => there.has(each.replica));
  const isAbove = ({ replica: above }: Victim): boolean =>
    [...there].some((name) => name.startsWith(`${above}/`));
  const possible = leavesOnly ? all.filter((each) => !isAbove(each)) : all;
  return possible[Math.floor(chance * possible.length)] ?? root;
};
