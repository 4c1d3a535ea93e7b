import { afterEach, expect, onTestFinished, test } from 'vitest';
import { dst, src } from './support/host.ts';
import { silentSuccess } from './support/outcome.ts';
import { freshPair, newestEqual, type Pair, property, writeBigFile } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { asUser, giveKey, makeUser } from './support/user.ts';

let pair: Pair;
afterEach(async () => pair.remove());

/** An ordinary user of src who may run zfs through sudo and gets in as root on dst; their zferry as a command line. */
const sudoer = async (): Promise<(...words: readonly string[]) => string> => {
  const user = await makeUser(src, { hasKey: false });
  onTestFinished(user.remove);
  await giveKey(user);
  const rule = `/etc/sudoers.d/${user.name}`;
  await src.write(rule, `${user.name} ALL=(root) NOPASSWD: /usr/sbin/zfs\n`);
  onTestFinished(async () => void (await src.run(sh`rm -f ${rule}`)));
  return (...words) => asUser(user, [...words, '--sudo']);
};

test('a run through sudo that is killed -9 leaves no zfs send behind, and the next one goes on', async () => {
  pair = await freshPair();
  const zferry = await sudoer();
  const words = [pair.source, `root@dst:${pair.target}`] as const;
  expect(await src.run(zferry('prime', ...words))).toEqual(silentSuccess);
  await writeBigFile(pair.source, 'big', 20);
  // The bracket keeps the question from finding itself. sudo clears the signal that zferry's death would send.
  const sending = sh`pgrep -f ${`[z]fs send .*${pair.source}@`}`;
  const run = src.start(zferry('run', ...words, '--compress', 'none', '--rate', '2M'));
  await src.until(sending);
  await dst.until(
    sh`zpool sync ${dst.pool}; test "$(zfs get -Hp -o value used ${pair.target})" -gt ${4 * 2 ** 20}`,
  );
  await src.ok(sh`pkill -KILL -f ${`^/usr/local/bin/[z]ferry run ${pair.source} `}`);
  await run.done;

  await src.until(`! ${sending}`, 20_000);
  await dst.until('! pgrep -x zfs');
  expect(await property(dst, pair.target, 'receive_resume_token')).not.toBe('-');
  expect(await src.run(zferry('run', ...words))).toEqual(silentSuccess);
  await newestEqual(pair);
});
