import { dst, type Host, src } from '../../lab/support/host.ts';
import { quote } from '../../lab/support/quote.ts';

/** One sum over every file of a snapshot: names, kinds, modes, sizes, times and contents, read from the snapshot itself. */
const sumOf = async (host: Host, snapshot: string): Promise<string> =>
  await host.ok(
    `set -e; d=$(mktemp -d); mount -t zfs ${quote(snapshot)} $d; trap 'cd /; umount $d; rmdir $d' EXIT; cd $d
    { find . -printf '%P %y %m %s %n %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0r sha256sum; } | sha256sum`,
    { timeout: 60_000 },
  );

/** True where a snapshot holds the very same files on both hosts. */
export const isEqual = async (here: string, there: string): Promise<boolean> => {
  const [one, other] = await Promise.all([sumOf(src, here), sumOf(dst, there)]);
  return one === other;
};
