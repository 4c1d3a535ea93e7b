import { describe, expect, test } from 'vitest';
import { programOf } from '../../../src/hosts/questions.ts';
import { quoted } from '../../../src/hosts/words.ts';
import {
  applying,
  decideGrants,
  type GrantRequest,
  grantLine,
  looking,
  parseUser,
} from '../../../src/replication/granting.ts';
import { source } from '../support/pair.ts';
import { posixShells, runIn } from '../support/shells.ts';

describe.each([looking, applying])('the program that asks', (questions) => {
  test('has no character that a login shell reads inside single quotes', () => {
    expect(programOf(questions)).toMatch(/^[\t\x20-\x7e]+$/);
    expect(quoted(programOf(questions))).toBe(`'${programOf(questions)}'`);
  });

  test.each(posixShells)('is one that %s can parse', (shell) => {
    expect(runIn('sh', `${shell} -n -c ${quoted(programOf(questions))}`).status).toBe(0);
  });
});

const request: GrantRequest = {
  place: source,
  role: 'target',
  user: 'alice',
  recursive: false,
  sudo: false,
  sshOptions: [],
};

test('the line is one that root can paste', () => {
  const place = { ...source, dataset: 'tank/my vms' as typeof source.dataset };
  const [grant] = decideGrants({ ...request, place }, new Set(['tank/my vms']), true);
  expect(grant && grantLine({ ...request, sudo: true }, grant)).toBe(
    "sudo zfs allow -l -u alice create,mount,receive 'tank/my vms'",
  );
});

test('a target without snapshots is one whose first full send may have to go on', () => {
  const rights = (hasSnapshots: boolean) =>
    decideGrants(request, new Set(['tank', 'tank/vm']), hasSnapshots)[0]?.rights;
  expect(rights(false)).toContain('readonly');
  expect(rights(true)).not.toContain('readonly');
});

test.each(['-l', 'a,b', '@set', 'EXAMPLE\\me', '', 'a b', 'a;b', "a'b"])(
  '%j is no user',
  (name) => {
    expect(() => parseUser(name)).toThrow('is not a user name that zferry hands to zfs');
  },
);
