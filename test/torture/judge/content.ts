import { dst, type Host, src } from '../../lab/support/host.ts';
import { quote } from '../../lab/support/quote.ts';
import { untilDone } from '../faults/by-hand.ts';

/** A snapshot as both hosts have it. */
export interface Twins {
  readonly here: string;
  readonly there: string;
  readonly isVolume: boolean;
}

/** One sum over every file of a snapshot: names, kinds, modes, sizes, times and contents, read from the snapshot itself. */
const sumOfFiles = (snapshot: string): string =>
  `d=$(mktemp -d); mount -t zfs ${quote(snapshot)} $d; cd $d
  { find . -printf '%P %y %m %s %n %T@ %l\\n' | sort; find . -type f -print0 | sort -z | xargs -0r sha256sum; } | sha256sum
  cd /; umount $d; rmdir $d`;

/** Whose device has the bytes of a volume's snapshot. It is gone before anybody looks for clones. */
const clone = 'tank/judge';
const device = `/dev/zvol/${clone}`;
const gone = untilDone(
  `! /usr/sbin/zfs list ${clone} >/dev/null 2>&1 || /usr/sbin/zfs destroy ${clone}`,
);

/** One sum over every byte of a volume's snapshot, and its size. */
const sumOfBytes = (snapshot: string): string =>
  `${gone}; /usr/sbin/zfs clone ${quote(snapshot)} ${clone}; ${untilDone(`test -b ${device}`)}
  blockdev --getsize64 ${device}; sha256sum <${device}; ${gone}`;

/** The sums of several snapshots of a host, one a line. */
const sumsOn = async (
  host: Host,
  snapshots: readonly { readonly name: string; readonly isVolume: boolean }[],
): Promise<readonly string[]> => {
  const commands = snapshots.map(
    ({ name, isVolume }) =>
      `{ ${isVolume ? sumOfBytes(name) : sumOfFiles(name)}; } | tr '\\n' ' '; echo`,
  );
  const output = await host.ok(`set -e; set -o pipefail\n${commands.join('\n')}`, {
    timeout: 150_000,
  });
  return output.split('\n').map((line) => line.trim());
};

/** Those snapshots that do not hold the very same files or bytes on both hosts. */
export const unequal = async (twins: readonly Twins[]): Promise<readonly Twins[]> => {
  const [ours, theirs] = await Promise.all([
    sumsOn(
      src,
      twins.map(({ here, isVolume }) => ({ name: here, isVolume })),
    ),
    sumsOn(
      dst,
      twins.map(({ there, isVolume }) => ({ name: there, isVolume })),
    ),
  ]);
  return twins.filter((_, index) => ours[index] !== theirs[index] || !ours[index]?.includes('-'));
};
