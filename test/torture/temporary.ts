import { dst, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';
import { type Entry, frail, permanent, run, type Target, type Verb } from './entries.ts';
import { datasetsOf, guidOf } from './faults/by-hand.ts';
import type { Hands } from './judge/ledger.ts';

/** Where the file of the frail pool lies. */
export const FRAIL_FOLDER = '/run/frail';

/** A pool that is larger than the file system its file lies in: suspended as soon as that is full. */
const makeFrailPool = (): Promise<string> =>
  dst.ok(
    `mkdir -p ${FRAIL_FOLDER} && mount -t tmpfs -o size=160m frail ${FRAIL_FOLDER} && truncate -s 1G ${FRAIL_FOLDER}/file && zpool create -m none frail ${FRAIL_FOLDER}/file`,
  );

export const removeFrailPool = async (): Promise<void> => {
  await dst.run(
    `rm -f ${FRAIL_FOLDER}/ballast; zpool clear frail; zpool destroy -f frail; umount ${FRAIL_FOLDER}`,
    { timeout: 40_000 },
  );
};

export const isTemporary = (entry: Entry): boolean => !permanent.includes(entry);

/** Makes an entry that is there for one round only; a first full send is the round's own. */
export const begin = async (entry: Entry, verb: Verb): Promise<void> => {
  if (entry === frail) await makeFrailPool();
  if (verb === 'prime') return;
  const { exitCode, stderr } = await run('prime', entry);
  if (exitCode !== 0) throw new Error(`cannot prime ${entry.log}: ${stderr}`);
};

/** What the source calls a target; empty where it knows none of that place. */
const idOf = (source: string, { place }: Target): Promise<string> =>
  src.ok(
    sh`/usr/sbin/zfs get -H -s local -o property,value all ${source} | while read -r name value; do case $value in ${place}) echo "\${name#zferry:target.}";; esac; done`,
  );

/** `forget` is about one dataset: each of a tree's knows the target by the root's id. */
const forget = async (entry: Entry, target: Target): Promise<void> => {
  const id = await idOf(entry.source, target);
  const known = entry.shape === 'tree' ? await datasetsOf(src, entry.source) : [];
  for (const { name } of known.filter((each) => each.name !== entry.source)) {
    await src.run(sh`/usr/local/bin/zferry forget ${name} ${id}`);
  }
  await src.ok(sh`/usr/local/bin/zferry forget ${entry.source} ${target.place}`);
};

/** Its targets are gone for good, and what zferry kept for them goes too. */
export const end = async (entry: Entry, hands: Hands): Promise<void> => {
  for (const target of entry.targets) {
    for (const { name } of await datasetsOf(dst, target.dataset)) {
      hands.givenUp.add(await guidOf(dst, name));
    }
    await dst.ok(sh`/usr/sbin/zfs destroy -r ${target.dataset}`);
  }
  if (entry === frail) await removeFrailPool();
  for (const target of entry.targets) await forget(entry, target);
};
