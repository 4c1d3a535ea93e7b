import { expect, onTestFinished, test } from 'vitest';
import {
  by,
  direction,
  here,
  isCurrent,
  remove,
  writeMore,
  zferry as zferryAsRoot,
} from './support/direction.ts';
import { dst, type Host, src } from './support/host.ts';
import { during, untilReceived } from './support/interruption.ts';
import { silentSuccess } from './support/outcome.ts';
import { freshPair, newestEqual, property, writeBigFile } from './support/pair.ts';
import { sh } from './support/quote.ts';
import { asUser, giveKey, makeUser, type User } from './support/user.ts';

/** An ordinary user of a host who may run zfs through sudo, and has no right of zfs's own. */
const sudoer = async (host: Host): Promise<User> => {
  const user = await makeUser(host);
  onTestFinished(user.remove);
  const rule = `/etc/sudoers.d/${user.name}`;
  await host.write(rule, `${user.name} ALL=(root) NOPASSWD: /usr/sbin/zfs\n`);
  onTestFinished(async () => void (await host.run(sh`rm -f ${rule}`)));
  return user;
};

test('a run through sudo on both hosts that is killed -9 leaves no zfs behind, and the next one goes on', async () => {
  const pair = await freshPair();
  onTestFinished(pair.remove);
  const [near, far] = [await sudoer(src), await sudoer(dst)];
  await giveKey(near);
  const zferry = (verb: string, ...options: readonly string[]) =>
    asUser(near, [verb, pair.source, `${far.name}@dst:${pair.target}`, '--sudo', ...options]);
  expect(await src.run(zferry('prime'))).toEqual(silentSuccess);
  await writeBigFile(pair.source, 'big', 40);
  // The bracket keeps the question from finding itself. sudo clears the signal that zferry's death would send.
  const sending = sh`pgrep -f ${`[z]fs send .*${pair.source}@`}`;
  const run = src.start(zferry('run', '--compress', 'none', '--rate', '2M'));
  await src.until(sending);
  await during(run, untilReceived(dst, pair.target, 4 * 2 ** 20));
  await src.ok(sh`pkill -KILL -f ${`^/usr/local/bin/[z]ferry run ${pair.source} `}`);
  await run.done;

  await src.until(`! ${sending}`, 20_000);
  await dst.until('! pgrep -x zfs');
  expect(await property(dst, pair.target, 'receive_resume_token')).not.toBe('-');
  expect(await src.run(zferry('run'))).toEqual(silentSuccess);
  await newestEqual(pair);
});

test('a source on another host is replicated as a user there who has nothing but sudo', async () => {
  const { name } = await sudoer(dst);
  const one = await direction(src, [dst, by(`${name}@dst`)], [src, here]);
  onTestFinished(() => remove(one));
  expect(await zferryAsRoot(one, ['prime', '--sudo'])).toEqual(silentSuccess);
  await writeMore(one, 1);
  expect(await zferryAsRoot(one, ['run', '--sudo'])).toEqual(silentSuccess);
  await isCurrent(one);
});
