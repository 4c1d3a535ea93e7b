import type { Host } from '../../lab/support/host.ts';
import { sh } from '../../lab/support/quote.ts';
import { type Hands, isOfTheSeries, type Side } from '../judge/ledger.ts';

/** A snapshot of a dataset as somebody's hands find it. */
export interface Found {
  readonly label: string;
  readonly guid: string;
}

const foundIn = (listing: string): readonly Found[] =>
  listing
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name = '', guid = ''] = line.split('\t');
      return { label: name.slice(name.indexOf('@') + 1), guid };
    });

/** A dataset's snapshots, oldest first; none where it does not exist. */
export const snapshotsOf = async (host: Host, dataset: string): Promise<readonly Found[]> => {
  const { stdout } = await host.run(
    sh`/usr/sbin/zfs list -Hp -d 1 -t snapshot -s createtxg -o name,guid ${dataset}`,
  );
  return foundIn(stdout);
};

const snapshotsBelow = async (host: Host, dataset: string): Promise<readonly Found[]> => {
  const { stdout } = await host.run(
    sh`/usr/sbin/zfs list -Hp -r -t snapshot -o name,guid ${dataset}`,
  );
  return foundIn(stdout);
};

/** A dataset and all below it, each behind the one above it; none where it does not exist. */
export const datasetsOf = async (
  host: Host,
  dataset: string,
): Promise<readonly { readonly name: string; readonly isVolume: boolean }[]> => {
  const { stdout } = await host.run(
    sh`/usr/sbin/zfs list -H -r -t filesystem,volume -s name -o name,type ${dataset}`,
  );
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [name = '', type] = line.split('\t');
      return { name, isVolume: type === 'volume' };
    });
};

const sideOf = ({ name }: Host): Side => (name === 'src' ? 'src' : 'dst');

/** Does something to a dataset by hand, and writes down whose snapshots, there and below, came and went by it. */
export const byHand = async (
  hands: Hands,
  host: Host,
  dataset: string,
  command: string,
): Promise<boolean> => {
  const side = sideOf(host);
  const before = await snapshotsBelow(host, dataset);
  const { exitCode } = await host.run(command, { timeout: 90_000 });
  const after = await snapshotsBelow(host, dataset);
  const now = new Set(after.map(({ guid }) => guid));
  const then = new Set(before.map(({ guid }) => guid));
  if (exitCode === 0) {
    for (const { guid } of before) if (!now.has(guid)) hands.destroyed.add(side, guid);
  }
  // What a cycle makes at this very moment is zferry's.
  const made = after.filter(({ label, guid }) => !(then.has(guid) || madeNow({ label })));
  for (const { guid } of made) hands.made.add(side, guid);
  return exitCode === 0;
};

const madeNow = ({ label }: Pick<Found, 'label'>): boolean =>
  isOfTheSeries({ label, guid: '', createtxg: 0, inUse: false });

/** The guid of a dataset itself. */
export const guidOf = async (host: Host, dataset: string): Promise<string> => {
  const { stdout } = await host.run(sh`/usr/sbin/zfs get -Hp -o value guid ${dataset}`);
  return stdout.trim();
};

/** A person gives up a dataset and all below it: the judge expects nothing of them any more. */
export const giveUp = async (hands: Hands, host: Host, dataset: string): Promise<void> => {
  for (const { name } of await datasetsOf(host, dataset)) {
    hands.givenUp.add(await guidOf(host, name));
  }
};

/** A command until it succeeds: a dataset may be busy for a moment, its device being looked at or a file being written. */
export const untilDone = (command: string): string =>
  `n=0; until { ${command}; } 2>/tmp/by-hand-complaint; do n=$((n + 1)); if [ $n -gt 120 ]; then cat /tmp/by-hand-complaint >&2; exit 1; fi; sleep 0.25; done`;
