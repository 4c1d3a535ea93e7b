import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hostShown, onHost, parseSource, parseTarget } from '../../../src/hosts/place.ts';
import { quoted } from '../../../src/hosts/words.ts';
import { datasetName, hostileText, many, oneIn } from '../support/arbitraries.ts';
import { attempt, refused } from '../support/refused.ts';

const source = parseSource('tank/vm');
const here = { kind: 'here' };
const remote = (name: string, user?: string, port?: number) => ({
  kind: 'remote',
  user,
  name,
  port,
});

const hostName = fc
  .stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}$/)
  .filter((name) => name !== 'ssh');
const userName = fc.stringMatching(/^[A-Za-z0-9_.][A-Za-z0-9_.@+-]{0,30}$/);
const withoutColonFirst = datasetName.filter((name) => /^[^:]*\//.test(name));

describe('a place', () => {
  test.each([
    ['tank/vm', here, 'tank/vm'],
    [':tank', here, 'tank'],
    [':tank/a:b', here, 'tank/a:b'],
    ['tank/a:b', here, 'tank/a:b'],
    ['backup:pool/vm', remote('backup'), 'pool/vm'],
    ['backup:pool', remote('backup'), 'pool'],
    ['root@backup:pool/vm', remote('backup', 'root'), 'pool/vm'],
    ['me@realm@backup:pool/vm', remote('backup', 'me@realm'), 'pool/vm'],
    ['[fe80::1%eth0]:pool/vm', remote('fe80::1%eth0'), 'pool/vm'],
    ['root@[::1]:pool/vm:x', remote('::1', 'root'), 'pool/vm:x'],
    ['ssh://backup/pool/vm', remote('backup'), 'pool/vm'],
    ['ssh://root@backup:2222/pool/vm', remote('backup', 'root', 2222), 'pool/vm'],
    ['ssh://root@[::1]:22/pool', remote('::1', 'root', 22), 'pool'],
  ])('%s is read as it is meant', (typed, host, dataset) => {
    expect(parseSource(typed)).toEqual({ host, dataset, typed });
    expect(parseTarget(typed, source)).toEqual({ host, dataset, typed });
  });

  test.each([
    ['backup', remote('backup')],
    ['root@backup.example.org', remote('backup.example.org', 'root')],
    ['192.0.2.1', remote('192.0.2.1')],
    ['[::1]', remote('::1')],
    ['root@[fe80::1%eth0]', remote('fe80::1%eth0', 'root')],
  ])('%s alone is a target for the dataset of the same name, and no source', (typed, host) => {
    expect(parseTarget(typed, source)).toEqual({ host, dataset: 'tank/vm', typed });
    expect(refused(() => parseSource(typed)).message).toContain('names no dataset');
  });

  test('with a plain word as the source gets the hint how a pool is written', () => {
    expect(refused(() => parseSource('tank')).hint).toBe(
      'for the root of the pool on this host write :tank',
    );
  });

  test.each([
    '',
    ':',
    '-oProxyCommand=reboot:tank/vm',
    '-oProxyCommand=reboot',
    '-backup',
    'root@-backup:tank/vm',
    '-root@backup:tank/vm',
    '@backup:tank/vm',
    'root@:tank/vm',
    'back up:tank/vm',
    'backup;id:tank/vm',
    '$(id):tank/vm',
    'backup\n:tank/vm',
    'bäckup:tank/vm',
    'backup:',
    'backup:/tank/vm',
    'backup:-tank/vm',
    'backup:tank/../vm',
    '[backup]:tank/vm',
    '[-1]:tank/vm',
    '[::1:tank/vm',
    'a:[::1]:tank/vm',
    'ssh://',
    'ssh:///tank/vm',
    'ssh://backup',
    'ssh://backup/',
    'ssh://-backup/tank/vm',
    'ssh://-l@backup/tank/vm',
    'ssh://backup:/tank/vm',
    'ssh://backup:0/tank/vm',
    'ssh://backup:65536/tank/vm',
    'ssh://backup:-p/tank/vm',
    'ssh://backup:22 /tank/vm',
    'ssh://back/up:22/t@x',
    'ssh://backup/tank/vm\n',
  ])('%j is refused in one line', (typed) => {
    refused(() => parseTarget(typed, source));
    refused(() => parseSource(typed));
  });

  test('of any host, user, port and dataset that are allowed is carried exactly', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(hostName, fc.option(userName), port, datasetName, (name, user, at, dataset) => {
        const login = user === null ? name : `${user}@${name}`;
        const plain = parseSource(`${login}:${dataset}`);
        expect(plain.host).toEqual(remote(name, user ?? undefined));
        expect(plain.dataset).toBe(dataset);
        const url = parseSource(`ssh://${login}:${at}/${dataset}`);
        expect(url.host).toEqual(remote(name, user ?? undefined, at));
        expect(url.dataset).toBe(dataset);
        expect(parseTarget(login, plain)).toEqual({
          host: plain.host,
          dataset,
          typed: login,
        });
        expect(hostShown(plain.host)).toBe(login);
      }),
      oneIn(2),
    );
  });

  test('on this host is carried exactly, with a colon before it when its pool has one', () => {
    fc.assert(
      fc.property(datasetName, withoutColonFirst, (any, plain) => {
        expect(parseSource(`:${any}`)).toEqual({ host: here, dataset: any, typed: `:${any}` });
        expect(parseSource(plain)).toEqual({ host: here, dataset: plain, typed: plain });
      }),
      many,
    );
  });

  test('is never made of hostile text but with words that ssh and every shell take literally', () => {
    const separator = fc.constantFrom('', '@', ':', '/', '[', ']', ']:', 'ssh://', ':22/', '-');
    const typed = fc
      .array(fc.oneof(separator, hostileText(6), fc.constantFrom('tank', 'backup', 'a/b')))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(typed, (text) => {
        for (const parse of [() => parseSource(text), () => parseTarget(text, source)]) {
          const result = attempt(parse);
          if ('error' in result) continue;
          const { host, dataset } = result.value;
          expect(result.value.typed).toBe(text);
          expect(dataset).toMatch(/^[A-Za-z][A-Za-z0-9_.: /-]*$/);
          expect(quoted(dataset)).toBe(`'${dataset}'`);
          if (host.kind === 'remote') {
            expect(host.name).toMatch(/^[A-Za-z0-9_:.][A-Za-z0-9_:.%-]*$/);
            expect(host.user ?? 'x').toMatch(/^[A-Za-z0-9_.][A-Za-z0-9_.@+-]*$/);
          }
        }
      }),
      many,
    );
  });
});

describe('a host in a message', () => {
  test('has the user that was typed, and this host has a name of its own', () => {
    expect(hostShown(parseSource('root@backup:tank/vm').host)).toBe('root@backup');
    expect(hostShown(parseSource('backup:tank/vm').host)).toBe('backup');
    expect(onHost(parseSource('root@backup:tank/vm').host)).toBe('on backup');
    expect(onHost(source.host)).toBe('on this host');
    expect(hostShown(source.host)).toBe('this host');
  });
});
