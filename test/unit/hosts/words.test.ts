import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pasteable, quoted } from '../../../src/hosts/words.ts';
import { datasetName, hostileText, many, oneIn, snapshotLabel } from '../support/arbitraries.ts';
import { attempt, isOneLine, refused } from '../support/refused.ts';
import {
  batch,
  inBatches,
  loginShells,
  posixShells,
  printer,
  runIn,
  wordsOf,
} from '../support/shells.ts';

/** Command lines are bytes: half a surrogate pair or a NUL cannot stand in one. */
const canBeArgument = (word: string): boolean => word.isWellFormed() && !word.includes('\0');

const unquotable = /['\\!\r\n\0]/;

const hostileWord = hostileText(60).filter((word) => canBeArgument(word));
const quotable = hostileWord.map((word) => word.replaceAll(new RegExp(unquotable, 'g'), ''));

/** Words that some shell somewhere reads as something else. */
const nastiest = [
  ...['', ' ', '  a  b  ', '-rf', '--', '-n', '~', '~root', '*', '?', '[a-z]*', '{a,b}', '$HOME'],
  ...['$(reboot)', '`reboot`', '; reboot', '&& reboot', '| sh', '> /tmp/x', '#comment', '=ls'],
  ...[
    '%1',
    '^a^b',
    'a=b',
    '"',
    '$',
    '\t',
    'tank/a b',
    'ä日😀',
    '\u001b[2J',
    '\u2028',
    '@',
    '(',
    ')',
  ],
];

describe('a quoted word', () => {
  test('is the word between single quotes, or refused in one line', () => {
    fc.assert(
      fc.property(hostileText(), (word) => {
        const result = attempt(() => quoted(word), 'failed');
        expect('value' in result ? result.value : undefined).toBe(
          unquotable.test(word) ? undefined : `'${word}'`,
        );
      }),
      many,
    );
  });

  test('is possible for every dataset name that the parser lets through', () => {
    fc.assert(
      fc.property(datasetName, (name) => {
        expect(quoted(name)).toBe(`'${name}'`);
      }),
      many,
    );
  });

  test.each(["'", '\\', '!', '\n', '\r', '\0'])('cannot hold %j', (character) => {
    refused(() => quoted(`a${character}b`), 'failed');
  });

  test.each(loginShells)('reaches a program started by %s exactly as it was', (shell) => {
    expect(wordsOf(shell, nastiest.map(quoted).join(' '))).toEqual(nastiest);
    fc.assert(
      fc.property(batch(fc.oneof(quotable, datasetName, snapshotLabel)), (words) => {
        expect(wordsOf(shell, words.map(quoted).join(' '))).toEqual(words);
      }),
      inBatches(shell === 'sh' ? many : oneIn(4)),
    );
  });

  test.each(loginShells)('reaches a sh that %s starts as its parameter', (shell) => {
    const program = 'for word in "$@"; do echo "<$word>"; done';
    const reaches = (words: readonly string[]) => {
      const command = `sh -c ${[program, 'name', ...words].map(quoted).join(' ')}`;
      const { status, stdout } = runIn(shell, command);
      expect(status).toBe(0);
      expect(stdout.split('\n').slice(0, -1)).toEqual(words.map((word) => `<${word}>`));
    };
    reaches(nastiest);
    fc.assert(fc.property(batch(quotable), reaches), inBatches(oneIn(10)));
  });
});

describe('a command that a person can paste', () => {
  test.each(posixShells)('means in %s exactly the words that it was made of', (shell) => {
    expect(wordsOf(shell, pasteable(nastiest))).toEqual(nastiest);
    fc.assert(
      fc.property(batch(hostileWord), (words) => {
        expect(wordsOf(shell, pasteable(words))).toEqual(words);
      }),
      inBatches(shell === 'sh' ? many : oneIn(4)),
    );
  });

  test('survives being quoted once more, as for ssh', () => {
    fc.assert(
      fc.property(batch(hostileWord), (words) => {
        const inner = `${printer}${pasteable(words)}`;
        const { stdout } = runIn('sh', pasteable(['sh', '-c', inner]));
        expect(stdout.split('\0').slice(0, -1)).toEqual(words);
      }),
      inBatches(oneIn(4)),
    );
  });

  test('leaves plain words plain', () => {
    expect(pasteable(['zferry', 'prime', 'tank/vm', 'root@backup:pool/vm', 'readonly=on'])).toBe(
      'zferry prime tank/vm root@backup:pool/vm readonly=on',
    );
    expect(pasteable(['zfs', 'rollback', 'tank/a b@x'])).toBe("zfs rollback 'tank/a b@x'");
  });

  test('is one line for words of one line', () => {
    fc.assert(
      fc.property(fc.array(hostileText().filter(isOneLine)), (words) => {
        expect(isOneLine(pasteable(words))).toBe(true);
      }),
    );
  });
});
