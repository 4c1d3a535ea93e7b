import { expect, test } from 'vitest';
import { loggingIn } from '../../../src/hosts/logins.ts';
import type { RemoteHost } from '../../../src/hosts/place.ts';
import { held, settled } from '../support/held.ts';

const host = (name: string, user?: string): RemoteHost => ({
  ...{ kind: 'remote', name, user, port: undefined },
});

test('fewer log in to a host at once than its sshd takes, and another host is not kept waiting', async () => {
  const logins = Array.from({ length: 12 }, held);
  const alone = held();
  const all = logins.map(({ open }, index) =>
    loggingIn(host('backup', index % 2 === 0 ? 'root' : undefined), open),
  );
  const other = loggingIn(host('offsite'), alone.open);
  await settled();
  expect(logins.filter(({ hasBegun }) => hasBegun())).toHaveLength(8);
  expect(alone.hasBegun()).toBe(true);
  for (const { resolve } of [...logins, alone]) resolve('in');
  expect(await Promise.all([...all, other])).toHaveLength(13);
});
