import { Command, CommanderError } from 'commander';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withReplicatingOptions } from '../../../src/cli/options.ts';
import { asUsageError } from '../../../src/cli/program.ts';
import { requestsFor } from '../../../src/cli/targets.ts';
import { datasetName, hostileText, oneIn } from '../support/arbitraries.ts';
import { attempt, refused } from '../support/refused.ts';

/** Reads words as `zferry run` does, without doing what they say. */
const read = (words: readonly string[]) => {
  const command = withReplicatingOptions(new Command('run'))
    .argument('<source>')
    .argument('<target...>')
    .helpOption(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  try {
    command.parse([...words], { from: 'user' });
  } catch (error) {
    throw error instanceof CommanderError ? asUsageError(error) : error;
  }
  const [source = '', targets = []] = command.processedArgs as [string, string[]];
  return requestsFor('run', source, targets, command.opts());
};

const option = fc.constantFrom(
  ...['--log', '--log-format', '--compress', '--rate', '--keep', '--keep-target', '--name-format'],
  ...['--stall', '--sudo', '--ssh-option', '--json', '-n', '-v', '-q', '--', '--compres'],
);

describe('a command line', () => {
  test('of whatever words is what was typed, or refused in one line that is not too long', () => {
    const place = fc.constantFrom('tank/a b', ':pool x/-y', 'me@backup:tank/vm', 'ssh://b:22/t/-v');
    const word = fc.oneof(option, place, datasetName, hostileText(10), hostileText(2_000));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const result = attempt(() => read(words));
        if ('value' in result) {
          for (const { pair, sshOptions } of result.value) {
            for (const { typed } of Object.values(pair)) expect(words).toContain(typed);
            for (const each of sshOptions) expect(words).toContain(each);
          }
        } else {
          expect(result.error.message.length).toBeLessThan(2_000);
        }
      }),
      oneIn(4),
    );
  });

  test('with an option that holds line breaks is refused in one line, with no hint of its own', () => {
    for (const lie of [
      '-x\nzferry: hint: reboot',
      '--compres\n(Did you mean to reboot?)',
      '-\n-',
    ]) {
      const { message, hint } = refused(() => read(['tank/vm', 'backup', lie]));
      expect(message).toContain('\\n');
      expect(hint).toBe('see zferry --help');
    }
  });

  test('with a typing error is told what was meant', () => {
    const { message, hint } = refused(() => read(['tank/vm', 'backup', '--compres', 'none']));
    expect(message).toBe("unknown option '--compres'");
    expect(hint).toBe('Did you mean --compress?');
  });

  test('with an ssh option that would break a line is refused', () => {
    const { message } = refused(() => read(['tank/vm', 'backup', '--ssh-option', 'User=a\nb']));
    expect(message).toBe(
      "--ssh-option: 'User=a\\nb' has a line break or another control character",
    );
    const [request] = read(['tank/vm', 'backup', '--ssh-option', 'User=a b']);
    expect(request?.sshOptions).toEqual(['User=a b']);
  });
});
