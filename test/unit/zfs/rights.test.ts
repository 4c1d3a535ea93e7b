import { expect, test } from 'vitest';
import { parseDatasetName } from '../../../src/zfs/names.ts';
import {
  allowArguments,
  missingRights,
  parseAllowed,
  primerGrants,
  receiverGrants,
  senderGrants,
} from '../../../src/zfs/rights.ts';

const vm = parseDatasetName('tank/vm');

// As OpenZFS 2.3 prints them.
const printed = `---- Permissions on tank/vm ------------------------------------------
Permission sets:
	@sender send,bookmark
Create time permissions:
	destroy
Local permissions:
	user alice snapshot
	everyone diff
Descendent permissions:
	user alice destroy
Local+Descendent permissions:
	group backup @sender
	user bob rollback
---- Permissions on tank ---------------------------------------------
Local permissions:
	user alice quota
Descendent permissions:
	user alice mount
Local+Descendent permissions:
	user alice hold`.split('\n');

const allowed = (user: string, ...groups: readonly string[]) => {
  const { itself, below } = parseAllowed(vm, printed, { user, groups });
  return [[...itself].toSorted(), [...below].toSorted()];
};

test('rights come from the dataset itself, from those above, from groups, sets and everyone', () => {
  expect(allowed('alice', 'backup')).toEqual([
    ['bookmark', 'diff', 'hold', 'mount', 'send', 'snapshot'],
    ['bookmark', 'destroy', 'hold', 'mount', 'send'],
  ]);
  expect(allowed('alice')).toEqual([
    ['diff', 'hold', 'mount', 'snapshot'],
    ['destroy', 'hold', 'mount'],
  ]);
  expect(allowed('carol')).toEqual([['diff'], []]);
});

test('what is printed where nothing is allowed gives nothing', () => {
  const { itself, below } = parseAllowed(vm, [], { user: 'alice', groups: ['backup'] });
  expect([itself.size, below.size]).toEqual([0, 0]);
});

test('a grant lacks what is not given where it counts', () => {
  const grantee = parseAllowed(vm, printed, { user: 'alice', groups: ['backup'] });
  expect(senderGrants(vm, false).map((grant) => missingRights(grant, grantee))).toEqual([
    ['destroy', 'userprop'],
    ['userprop'],
  ]);
});

const lines = (grants: ReturnType<typeof senderGrants>) =>
  grants.map((grant) => allowArguments(grant, 'alice').join(' '));

test('only datasets that are still to be made cost rights below', () => {
  expect(lines(senderGrants(vm, true))[1]).toBe(
    'allow -d -u alice bookmark,destroy,mount,send,snapshot,userprop tank/vm',
  );
  expect(lines(primerGrants(vm))).toEqual([
    'allow -l -u alice create,mount,receive tank/vm',
    'allow -d -u alice canmount,create,destroy,mount,readonly,receive,userprop tank/vm',
  ]);
  expect(lines(receiverGrants(vm, { unfinished: false, recursive: false }))).toEqual([
    'allow -l -u alice create,mount,receive tank/vm',
    'allow -d -u alice destroy,mount,userprop tank/vm',
  ]);
  expect(lines(receiverGrants(vm, { unfinished: true, recursive: true }))).toEqual([
    'allow -l -u alice canmount,create,mount,readonly,receive tank/vm',
    'allow -d -u alice canmount,create,destroy,mount,readonly,receive,userprop tank/vm',
  ]);
});
