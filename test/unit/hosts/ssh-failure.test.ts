import { describe, expect, test } from 'vitest';
import type { Ending } from '../../../src/hosts/child.ts';
import type { RemoteHost } from '../../../src/hosts/place.ts';
import { sshFailure } from '../../../src/hosts/ssh-failure.ts';

const backup: RemoteHost = { kind: 'remote', user: 'root', name: 'backup', port: undefined };
const ended = (...said: readonly string[]): Ending => ({
  program: 'ssh',
  exitCode: 255,
  signal: undefined,
  said,
});

describe('the failure of an ssh session', () => {
  test.each([
    ['ssh: connect to host backup port 22: No route to host'],
    ['ssh: connect to host backup port 22: Connection refused'],
    ['ssh: Could not resolve hostname backup: Name or service not known'],
    ['Host key verification failed.'],
    ['root@backup: Permission denied (publickey,password).'],
    ['kex_exchange_identification: read: Connection reset by peer'],
    ['Connection closed by 192.0.2.1 port 22'],
    ['Connection to backup closed by remote host.'],
    ['client_loop: send disconnect: Broken pipe'],
    ['Timeout, server backup not responding.'],
  ])("is ssh's own line, not the banner before or the noise behind it: %s", (line) => {
    const error = sshFailure(backup, ended('Welcome to backup!', 'No mail.', line, 'bye'));
    expect(error.message).toBe(line);
    expect(error.exitCode).toBe(1);
  });

  test('is the reason and not what followed from it', () => {
    const error = sshFailure(
      backup,
      ended('Connection closed by 192.0.2.1 port 22', 'Host key verification failed.'),
    );
    expect(error.message).toBe('Host key verification failed.');
  });

  test('has the address of who ended the connection where ssh says it', () => {
    const error = sshFailure(
      backup,
      ended(
        'kex_exchange_identification: read: Connection reset by peer',
        'Connection reset by 192.0.2.1 port 22',
      ),
    );
    expect(error.message).toBe('Connection reset by 192.0.2.1 port 22');
  });

  // The first two as OpenSSH 10.0 printed them
  test.each([
    [
      'channel 0: open failed: connect failed: Connection refused',
      'stdio forwarding failed',
      'Connection closed by UNKNOWN port 65535',
    ],
    ['Connection closed by UNKNOWN port 65535'],
    ['banner exchange: Connection to UNKNOWN port 65535: Broken pipe'],
  ])('of a way over another host does not blame the sshd of this one: %s', (...lines) => {
    const error = sshFailure(backup, ended(...lines));
    expect(error.message).toBe(lines[0]);
    expect(error.hint).toContain('ProxyJump or ProxyCommand');
    expect(error.hint).toContain('try: ssh -- root@backup true');
  });

  test('tells a key that changed from one that was never seen, and how to forget the old one', () => {
    const banner = '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @';
    const error = sshFailure(backup, ended(banner, 'Host key verification failed.'));
    expect(error.message).toContain('is not the one in known_hosts');
    expect(error.hint).toContain('ssh-keygen -R backup,');
    const port = sshFailure({ ...backup, port: 2222 }, ended(banner));
    expect(port.hint).toContain("ssh-keygen -R '[backup]:2222',");
  });

  test('is a wrong command line when ssh does not know an option of it', () => {
    const line = 'command-line: line 0: Bad configuration option: foo';
    const error = sshFailure(backup, ended(line));
    expect(error.message).toBe(line);
    expect(error.exitCode).toBe(2);
  });

  test('has for an unknown host key the command that shows it', () => {
    expect(sshFailure(backup, ended('Host key verification failed.')).hint).toContain(
      'ssh -- root@backup true',
    );
    expect(
      sshFailure({ ...backup, port: 2222 }, ended('Host key verification failed.')).hint,
    ).toContain('ssh -p 2222 -- root@backup true');
  });

  test('has for a key that is not let in the command that lets it in', () => {
    expect(sshFailure(backup, ended('root@backup: Permission denied (publickey).')).hint).toBe(
      "let this user's key in: ssh-copy-id -- root@backup",
    );
  });

  test.each([
    'kex_exchange_identification: read: Connection reset by peer',
    'kex_exchange_identification: Connection closed by remote host',
    'Connection closed by 192.0.2.1 port 22',
    'Connection reset by 192.0.2.1 port 22',
    'banner exchange: Connection to 192.0.2.1 port 22: Broken pipe',
  ])('has for a login that was turned away where to look: %s', (line) => {
    expect(sshFailure(backup, ended(line)).hint).toContain('MaxStartups in its sshd_config');
  });

  test('does not take a session that broke off for such a login', () => {
    const line = 'Connection to backup closed by remote host.';
    expect(sshFailure(backup, ended(line)).hint).toBeUndefined();
  });

  test('has no hint where nothing can be done here', () => {
    expect(
      sshFailure(backup, ended('ssh: connect to host backup port 22: No route to host')).hint,
    ).toBeUndefined();
  });

  test('is the last line when none is of a known form', () => {
    expect(sshFailure(backup, ended('first', 'second')).message).toBe('second');
  });

  test('says how ssh ended when it said nothing', () => {
    expect(sshFailure(backup, ended()).message).toBe('the connection to root@backup broke off');
    expect(sshFailure(backup, { ...ended(), exitCode: 1 }).message).toBe(
      'the ssh session with root@backup ended early (exit status 1)',
    );
    const killed: Ending = { program: 'ssh', exitCode: undefined, signal: 'SIGKILL', said: [] };
    expect(sshFailure(backup, killed).message).toContain('signal SIGKILL');
  });

  test('keeps its cause', () => {
    const cause = new Error('EPIPE');
    expect(sshFailure(backup, ended('x'), cause).cause).toBe(cause);
  });
});
