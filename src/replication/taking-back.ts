import { asZferryError } from '../errors.ts';
import type { SourceHost } from '../hosts/source-host.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Kept } from './snapshot.ts';
import type { Story } from './story.ts';

/** How long (milliseconds) a command may go on when a person has ended the run, and taking something back may take. */
export const grace = 10_000;

/** Whose work is taken back, and where it is told what could not be. */
interface Side {
  readonly source: Pick<SourceHost, 'zfs'>;
  readonly tether: Tether;
  readonly story: Story;
}

/**
 * Takes something back at the end of a cycle, also when the run is being ended. It never throws: how the run ends is
 * more important, and the next one tries again. What could not be destroyed, of `names` too, is in the story.
 */
export const takingBack = async (
  { source, tether, story }: Side,
  names: readonly string[],
  work: (zfs: Zfs) => Promise<readonly Kept[]>,
): Promise<void> => {
  const { signal } = new AbortController();
  try {
    const left = await work(source.zfs({ ...tether, signal, stall: grace }));
    story.kept = [...story.kept, ...left];
  } catch (error) {
    const reason = asZferryError(error).message;
    story.kept = [...story.kept, ...names.map((name) => ({ name, reason, inUse: false }))];
  }
};
