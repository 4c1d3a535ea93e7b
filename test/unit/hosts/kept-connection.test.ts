import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isListening, keptConnection, retire } from '../../../src/hosts/kept-connection.ts';
import type { RemoteHost } from '../../../src/hosts/place.ts';
import { routeTo } from '../../../src/hosts/route.ts';
import { readSshSettings } from '../../../src/hosts/ssh-settings.ts';
import { refused } from '../support/refused.ts';
import { tether } from '../support/tether.ts';

let run: string;
vi.mock(import('../../../src/hosts/run-folder.ts'), () => ({ runFolder: () => run }));

let home: string;
const servers: Server[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zferry-home-'));
  run = join(home, 'run');
  vi.stubEnv('HOME', home);
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const backup: RemoteHost = { kind: 'remote', user: undefined, name: 'backup', port: undefined };
const kept = (host: Partial<RemoteHost> = {}, options: readonly string[] = [], persist = 600_000) =>
  keptConnection({ ...backup, ...host }, readSshSettings(backup), options, persist);

const socketOf = (...words: Parameters<typeof kept>): string => {
  const { socket } = kept(...words);
  if (socket === undefined) throw new Error('there is no socket');
  return socket;
};

const configure = (text: string) => {
  mkdirSync(join(home, '.ssh'), { recursive: true });
  writeFileSync(join(home, '.ssh', 'config'), `${text}\n`);
};

/** Somebody who listens there, as a master does. */
const listener = async (socket: string): Promise<Server> => {
  const server = createServer();
  servers.push(server);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(socket, resolve);
  await promise;
  return server;
};

describe('a connection is kept', () => {
  test('at a socket in a folder that is made for this user alone', () => {
    const socket = socketOf();
    expect(socket).toMatch(/\/run\/ssh\/[0-9a-f]{16}$/);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    expect(socketOf()).toBe(socket);
  });

  test('at another one for each way to get there', () => {
    const all = [
      socketOf(),
      ...[socketOf({ name: 'other' }), socketOf({ user: 'root' }), socketOf({ port: 2222 })],
      ...[socketOf({}, ['IdentityFile=/a']), socketOf({}, ['IdentityFile=/b'])],
    ];
    configure('HostName 192.0.2.1');
    all.push(socketOf());
    configure('HostName 192.0.2.2');
    all.push(socketOf());
    expect(new Set(all).size).toBe(all.length);
  });

  test('for whole seconds, never for none: that would be for ever', () => {
    expect(kept().seconds).toBe(600);
    expect(kept({}, [], 1_001).seconds).toBe(2);
    expect(kept({}, [], 1).seconds).toBe(1);
    expect(socketOf({}, [], 1)).toBe(socketOf());
  });

  test("where the user's ControlPath says, if there is one", () => {
    expect(kept({}, ['ControlPath=/x']).socket).toBeUndefined();
    configure('Host back*\n  controlpath ~/.ssh/%C');
    expect(kept()).toEqual({ socket: undefined, seconds: 600 });
  });

  test('nowhere that ssh could not listen at, or would read otherwise', () => {
    run = join(home, 'x'.repeat(60));
    expect(refused(() => kept()).message).toContain('of at most 90 letters, digits');
    for (const odd of ['a b', 'a%b', 'a"b', "a'b", 'a${b}', 'ä', '~a']) {
      run = join(home, odd);
      expect(refused(() => kept()).message, odd).toContain('of at most 90 letters, digits');
    }
  });
});

describe('a folder that is not safe is refused', () => {
  const message = (): string => {
    try {
      kept();
      return '';
    } catch (error) {
      return String(error);
    }
  };

  test.each([0o750, 0o701, 0o704, 0o702])('with mode %o', (mode) => {
    mkdirSync(join(run, 'ssh'), { recursive: true, mode: 0o700 });
    expect(message()).toBe('');
    chmodSync(join(run, 'ssh'), mode);
    expect(message()).toContain('is no place for the connection of --persist');
  });

  test('below one where others may write, and not where they may only look', () => {
    mkdirSync(run, { mode: 0o755 });
    expect(message()).toBe('');
    chmodSync(run, 0o775);
    expect(message()).toContain(`${run} is no place`);
  });

  test('when it is a link or a file', () => {
    mkdirSync(join(run, 'elsewhere'), { recursive: true, mode: 0o700 });
    symlinkSync('elsewhere', join(run, 'ssh'));
    expect(message()).toContain('is no place');
    rmSync(join(run, 'ssh'));
    writeFileSync(join(run, 'ssh'), '');
    expect(message()).toContain('is no place');
  });
});

describe('a master', () => {
  test('is there where somebody listens', async () => {
    const socket = socketOf();
    expect(await isListening(socket)).toBe(false);
    await listener(socket);
    expect(await isListening(socket)).toBe(true);
    writeFileSync(`${socket}-file`, '');
    expect(await isListening(`${socket}-file`)).toBe(false);
  });

  test('that does not answer loses its socket within seconds', async () => {
    const socket = socketOf();
    await listener(socket);
    const began = performance.now();
    await retire(socket, tether());
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(await isListening(socket)).toBe(false);
    expect(() => statSync(socket)).toThrow('ENOENT');
  });
});

describe('the route to a host', () => {
  test('is its own connection, with nothing to go round, where none is there', async () => {
    expect(await routeTo(backup, [], undefined)).toMatchObject({ limit: 45_000, kept: undefined });
    const route = await routeTo(backup, [], 600_000);
    expect(route).toMatchObject({ limit: 45_000, kept: { seconds: 600 }, detour: undefined });
  });

  test('is a kept connection for a shorter time, and then a new one in its place', async () => {
    await listener(socketOf());
    const route = await routeTo(backup, [], 600_000);
    expect(route.limit).toBe(10_000);
    expect(await route.detour?.(tether())).toMatchObject({
      limit: 45_000,
      kept: route.kept,
      detour: undefined,
    });
    expect(await isListening(socketOf())).toBe(false);
  });

  test("is the user's ControlPath, and then none", async () => {
    const options = ['ControlPath=/x'];
    const route = await routeTo(backup, options, 600_000);
    expect(route).toMatchObject({ limit: 45_000, sshOptions: options, kept: { seconds: 600 } });
    expect(await route.detour?.(tether())).toMatchObject({
      sshOptions: ['ControlPath=none', ...options],
      kept: undefined,
    });
  });
});
