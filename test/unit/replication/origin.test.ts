import { describe, expect, test } from 'vitest';
import type { Zfs } from '../../../src/hosts/zfs-command.ts';
import { sharedOrigin } from '../../../src/replication/origin.ts';
import { parseGuid } from '../../../src/zfs/names.ts';
import { encryptedBy, listing, request, snapshot } from '../support/pair.ts';

const origin = 'tank/golden@v1';
const clone = listing([snapshot(2)], [], { origin });

/** What comes of a clone of a snapshot with guid 9, found there under these names, whose series have these records. */
const found = async (
  replicas: readonly string[],
  records: readonly string[],
  source = clone,
  asked = request({ intent: 'prime' }),
) => {
  const commands: string[] = [];
  const zfs = {
    tell: (words: readonly string[]) => {
      commands.push(words.join(' '));
      return Promise.resolve(words.includes('guid') ? '9\n' : `${records.join('\n')}\n`);
    },
  } as unknown as Zfs;
  const session = {
    seek: (guid: string) => {
      commands.push(`seek ${guid}`);
      return Promise.resolve(replicas);
    },
  };
  const facts = { poolGuid: parseGuid('77') };
  const shared = await sharedOrigin({ request: asked, zfs, session, facts }, source);
  return { shared, commands };
};

describe('a new replica is a clone there', () => {
  test('where the origin is there by its guid, in a replica with the same flags', async () => {
    const { shared, commands } = await found(['pool/other@x'], ['large-blocks']);
    expect(shared).toBe(origin);
    expect(commands).toEqual([
      'get -Hp -o value guid tank/golden@v1',
      'seek 9',
      expect.stringMatching(/^get -Hp -o value zferry:stream\.[0-9a-f]{10} tank\/golden$/),
    ]);
  });

  test('but not where it is not there, and nothing is asked of a source that is none', async () => {
    expect((await found([], [])).shared).toBeUndefined();
    expect(await found(['pool/x@y'], ['large-blocks'], listing([snapshot(2)]))).toEqual({
      shared: undefined,
      commands: [],
    });
  });

  test('but not where one of those that zfs could take has other flags, or none on record', async () => {
    for (const records of [['-'], ['none'], ['raw'], ['large-blocks', '-'], []]) {
      const replicas = ['pool/a@v1', 'pool/b@v1'].slice(0, Math.max(1, records.length));
      expect((await found(replicas, records)).shared).toBeUndefined();
    }
    const two = await found(['pool/a@v1', 'pool/b@v1'], ['large-blocks', 'large-blocks']);
    expect(two.shared).toBe(origin);
  });

  test('raw where that is raw, and plain where that is plain', async () => {
    const encrypted = listing([snapshot(2)], [], { origin, encryption: encryptedBy('tank') });
    const plainly = request({ decrypt: true });
    const raw = ['large-blocks,raw'];
    const of = async (...words: Parameters<typeof found>) => (await found(...words)).shared;
    expect(await of(['pool/a@v1'], raw, encrypted)).toBe(origin);
    expect(await of(['pool/a@v1'], ['large-blocks'], encrypted)).toBeUndefined();
    expect(await of(['pool/a@v1'], raw, encrypted, plainly)).toBeUndefined();
    expect(await of(['pool/a@v1'], ['large-blocks'], encrypted, plainly)).toBe(origin);
  });
});
