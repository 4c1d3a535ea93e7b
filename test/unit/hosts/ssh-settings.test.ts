import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RemoteHost } from '../../../src/hosts/place.ts';
import {
  namesControlPath,
  readSshSettings,
  sshConfiguration,
} from '../../../src/hosts/ssh-settings.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'zferry-home-'));
  vi.stubEnv('HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const write = (path: string, ...lines: readonly string[]) => {
  const file = join(home, '.ssh', path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${lines.join('\n')}\n`);
};

const settings = (name = 'backup', user?: string) => {
  const host: RemoteHost = { kind: 'remote', user, name, port: undefined };
  return readSshSettings(host);
};

const timeout = (name?: string, user?: string): boolean =>
  settings(name, user).has('connecttimeout');

describe("what the user's ssh configuration sets for a host", () => {
  test('is nothing of ours when there is no configuration', () => {
    expect(timeout()).toBe(false);
    expect(settings().has('controlpath')).toBe(false);
  });

  test('is found whatever the case and form of the line', () => {
    for (const line of [
      'ConnectTimeout 5',
      'connecttimeout=5',
      '  CONNECTTIMEOUT = 5',
      '\tConnectTimeout\t"5"',
    ]) {
      write('config', line);
      expect(timeout(), line).toBe(true);
    }
    write('config', '# ConnectTimeout 5');
    expect(timeout()).toBe(false);
  });

  test('is what stands under the patterns that match its name, and nothing else', () => {
    write(
      'config',
      ...['Host back* !backup-old', '  ConnectTimeout 5', 'Host other', '  ControlPath /x'],
    );
    expect(timeout('backup')).toBe(true);
    expect(timeout('backup-old')).toBe(false);
    expect(timeout('other')).toBe(false);
    expect(settings('other').has('controlpath')).toBe(true);
    expect(settings('backup').has('controlpath')).toBe(false);
  });

  test('follows Include: relative, absolute, with a tilde, with a pattern, and again from there', () => {
    write('config', 'Include one ~/.ssh/two', `Include ${join(home, '.ssh', 'three')}`);
    write('one', 'ServerAliveInterval 1');
    write('two', 'ServerAliveCountMax 2');
    write('three', 'Include conf.d/*.conf');
    write('conf.d/a.conf', 'Host backup', '  ConnectTimeout 5');
    write('conf.d/b.txt', 'ControlPath /x');
    expect([...settings()]).toEqual(
      expect.arrayContaining(['serveraliveinterval', 'serveralivecountmax', 'connecttimeout']),
    );
    expect(settings().has('controlpath')).toBe(false);
    expect(timeout('other')).toBe(false);
  });

  test('is read past an Include of nothing, of a folder and of itself', () => {
    write('config', 'Include missing', 'Include conf.d/*', 'Include config', 'ConnectTimeout 5');
    write('conf.d/folder/file', 'ControlPath /x');
    expect(timeout()).toBe(true);
    expect(settings().has('controlpath')).toBe(false);
  });

  test('leaves the complaint about a broken line to ssh', () => {
    write('config', 'Host "backup', '  ConnectTimeout 5');
    expect(timeout()).toBe(false);
  });

  test('does not run the command of Match exec', () => {
    const proof = join(home, 'was-run');
    write('config', `Match exec "touch ${proof}"`, '  ConnectTimeout 5');
    expect(timeout()).toBe(false);
    expect(() => rmSync(proof)).toThrow('ENOENT');
  });

  test('may depend on the user that was typed', () => {
    write('config', 'Match user root', '  ConnectTimeout 5');
    expect(timeout('backup', 'root')).toBe(true);
    expect(timeout('backup', 'nobody')).toBe(false);
  });
});

describe('a ControlPath of the user', () => {
  test('stands in the configuration or in an option, however that is written', () => {
    for (const option of ['ControlPath=/x', 'controlpath /x', ' CONTROLPATH = none']) {
      expect(namesControlPath(new Set(), [option]), option).toBe(true);
    }
    expect(namesControlPath(new Set(['controlpath']), [])).toBe(true);
    expect(namesControlPath(new Set(['user']), ['ControlPersist=1', 'Port=22'])).toBe(false);
  });
});

test('the whole configuration is what all its files say', () => {
  write('config', 'Include one', 'Host backup');
  write('one', 'ServerAliveInterval 1');
  expect(sshConfiguration()).toMatch(/^ServerAliveInterval 1\n\nHost backup\n/);
});
