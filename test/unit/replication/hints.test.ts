import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Host, parseSource, type RemoteHost } from '../../../src/hosts/place.ts';
import { sshFailure } from '../../../src/hosts/ssh-failure.ts';
import { zferry } from '../../../src/replication/hints.ts';
import { hostProblem, targetProblem } from '../../../src/replication/plan.ts';
import type { Request } from '../../../src/replication/request.ts';
import { type DatasetName, parentOf, poolOf } from '../../../src/zfs/names.ts';
import { datasetName, hostileText, oneIn } from '../support/arbitraries.ts';
import { facts, remotePlace, replica, request, snapshot } from '../support/pair.ts';
import { isOneLine } from '../support/refused.ts';
import { runIn } from '../support/shells.ts';

const below = datasetName.filter((name) => name.includes('/'));

const remote = fc
  .tuple(
    fc.option(fc.stringMatching(/^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,20}$/)),
    fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}$/).filter((name) => name !== 'ssh'),
    fc.option(fc.integer({ min: 1, max: 65_535 })),
    below,
  )
  .map(([user, name, port, dataset]) => {
    const login = user === null ? name : `${user}@${name}`;
    return remotePlace(port === null ? `${login}:${dataset}` : `ssh://${login}:${port}/${dataset}`);
  });

/** As `--ssh-option` takes it. */
const sshOption = hostileText(12).filter((text) => text.isWellFormed() && isOneLine(text));

const requests: fc.Arbitrary<Request> = fc
  .record({
    source: below.map((name) => parseSource(`:${name}`)),
    target: remote,
    sudo: fc.boolean(),
    sshOptions: fc.array(sshOption, { maxLength: 2 }),
  })
  .map(({ source, target, ...rest }) => request({ pair: { source, target }, ...rest }));

/** The command in a hint, whatever stands before it. */
const commandIn = (hint: string | undefined): string => {
  const command = /(?:^|^[a-z'’ -]+: )((?:ssh|ssh-copy-id|zferry) .+)$/.exec(hint ?? '')?.[1];
  if (command === undefined) throw new Error(`no command in the hint: ${String(hint)}`);
  return command;
};

const awayHost = (host: Host): RemoteHost => {
  if (host.kind === 'here') throw new Error('this host');
  return host;
};

const login = ({ user, name }: RemoteHost): string =>
  user === undefined ? name : `${user}@${name}`;

const portOf = ({ port }: RemoteHost): string[] => (port === undefined ? [] : ['-p', `${port}`]);

/** The words that the shell here and the one there must read. */
interface Meaning {
  readonly hint: string | undefined;
  readonly here: readonly string[];
  /** Of the last word here, which is the command there. */
  readonly there?: readonly string[];
}

const onTarget = (
  { pair, sudo, sshOptions }: Request,
  hint: string | undefined,
  ...command: readonly string[]
): Meaning => {
  const host = awayHost(pair.target.host);
  const options = sshOptions.flatMap((option) => ['-o', option]);
  return {
    hint,
    here: ['ssh', ...options, ...portOf(host), login(host)],
    there: [...(sudo ? ['sudo'] : []), ...command],
  };
};

/** The problems of a pair whose hints have the names of both sides in them. */
const hintsFor = (each: Request): readonly Meaning[] => {
  const { target, source } = each.pair;
  const { dataset } = target;
  const host = awayHost(target.host);
  const noPool = hostProblem(each, facts(undefined, { poolGuid: undefined }));
  const noParent = targetProblem(
    { ...each, intent: 'prime' },
    facts(undefined, { parentExists: false }),
  );
  const writable = targetProblem(each, facts(replica([snapshot(1)], { readonly: false })));
  const gone = targetProblem(each, facts(undefined));
  const noKey = sshFailure(host, {
    program: 'ssh',
    exitCode: 255,
    signal: undefined,
    said: [`${login(host)}: Permission denied (publickey).`],
  });
  const parent = ['zfs', 'create', '-p', '-o', 'canmount=off', '-o', 'readonly=on'];
  return [
    onTarget(each, noPool?.hint, 'zpool', 'import', poolOf(dataset)),
    onTarget(each, noParent?.hint, ...parent, parentOf(dataset) as DatasetName),
    onTarget(each, writable?.hint, 'zfs', 'set', 'readonly=on', dataset),
    {
      hint: gone?.hint,
      here: [
        ...['zferry', 'prime', ...(each.sudo ? ['--sudo'] : [])],
        ...each.sshOptions.flatMap((option) => ['--ssh-option', option]),
        ...[source.typed, target.typed],
      ],
    },
    { hint: noKey.hint, here: ['ssh-copy-id', ...portOf(host), '--', login(host)] },
  ];
};

/** The words of these commands, one after the other, as sh reads them; its own printf is quick. */
const readBySh = (commands: readonly string[]): readonly string[] => {
  const program = commands.map((command) => `printf '%s\\0' ${command}`).join('; ');
  const { status, stdout, stderr } = runIn('sh', program);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\0').slice(0, -1);
};

describe('the command of a hint', () => {
  test('means in a shell exactly the words that it should, here and on the target', () => {
    // Five hints each, and with two names of up to 255 characters they are long
    const pairs = fc.array(requests, { minLength: 1, maxLength: 20, size: 'max' });
    fc.assert(
      fc.property(pairs, (all) => {
        const hints = all.flatMap(hintsFor);
        for (const { hint } of hints) expect(isOneLine(hint ?? '')).toBe(true);
        const read = readBySh(hints.map(({ hint }) => commandIn(hint)));
        const there: string[] = [];
        let next = 0;
        for (const meaning of hints) {
          const here = read.slice(next, next + meaning.here.length);
          expect(here).toEqual(meaning.here);
          next += meaning.here.length;
          if (meaning.there === undefined) continue;
          there.push(read[next] ?? '');
          next += 1;
        }
        expect(next).toBe(read.length);
        expect(readBySh(there)).toEqual(hints.flatMap((meaning) => meaning.there ?? []));
      }),
      oneIn(100),
    );
  });
});

test('on this host a hint is the bare command, with sudo before it where that was asked for', () => {
  const pair = { source: parseSource('tank/vm'), target: parseSource('usb/vm') };
  const noPool = facts(undefined, { poolGuid: undefined });
  expect(hostProblem(request({ pair }), noPool)).toMatchObject({
    exitCode: 1,
    message: 'the pool usb is not imported on this host',
    hint: 'zpool import usb',
  });
  expect(hostProblem(request({ pair, sudo: true }), noPool)?.hint).toBe('sudo zpool import usb');
});

describe('a hint about the root of a tree', () => {
  const tree = { exclude: ['a b', '*/cache'], maxDepth: 2, parallel: 1 };
  const pair = { source: parseSource('tank/vm'), target: remotePlace('backup') };

  test('is a command for the tree', () => {
    expect(targetProblem(request({ pair, tree }), facts(undefined))?.hint).toBe(
      "make the first full send: zferry prime --recursive --exclude 'a b' --exclude '*/cache' --max-depth 2 tank/vm backup",
    );
  });

  test('is one for the dataset alone where that is to be replaced', () => {
    expect(zferry(request({ pair, tree }), 'prime', '--replace')).toBe(
      'zferry prime --replace tank/vm backup',
    );
  });
});
