import { dst, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';
import { guidOf } from './faults/by-hand.ts';
import type { Hands } from './judge/ledger.ts';
import { frail, permanent, run, SOURCE, type Target, type Verb } from './pairs.ts';

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

export const isTemporary = (target: Target): boolean => !permanent.includes(target);

/** Makes a target that is there for one round only; a first full send is the round's own. */
export const begin = async (target: Target, verb: Verb): Promise<void> => {
  if (target === frail) await makeFrailPool();
  if (verb === 'prime') return;
  const { exitCode, stderr } = await run('prime', target);
  if (exitCode !== 0) throw new Error(`cannot prime ${target.dataset}: ${stderr}`);
};

/** A target is gone for good, and what zferry kept for it goes too. */
export const end = async (target: Target, hands: Hands): Promise<void> => {
  hands.givenUp.add(await guidOf(dst, target.dataset));
  await dst.ok(sh`/usr/sbin/zfs destroy -r ${target.dataset}`);
  if (target === frail) await removeFrailPool();
  await src.ok(sh`/usr/local/bin/zferry forget ${SOURCE} ${target.place}`);
};
