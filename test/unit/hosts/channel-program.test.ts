import { describe, expect, test } from 'vitest';
import { channelProgram, parseDone, programWords } from '../../../src/hosts/channel-program.ts';

test('the text passes through every login shell', () => {
  expect(channelProgram).toMatch(/^[\x20-\x7e]+$/);
  expect(channelProgram).not.toMatch(/['\\!]/);
});

describe('what goes into a channel program', () => {
  test.each([[['bookmark', 'tank/a@one', 'tank/a#two']], [['destroy', 'tank/a@one', '-']]])(
    '%s',
    (words) => {
      expect(programWords(words.filter((word) => word !== '-'))).toEqual(words);
    },
  );

  // zfs.sync.destroy knows no bookmarks, and would take the whole of a dataset.
  test.each([
    [['destroy', 'tank/a']],
    [['destroy', 'tank/a#one']],
    [['destroy', '-d', 'tank/a@one']],
    [['destroy', '-r', 'tank/a@one']],
    [['destroy']],
    [['bookmark', 'tank/a@one']],
    [['set', 'zferry:for=superseded', 'tank/a@one']],
    [['list', 'tank/a@one']],
  ])('not %s', (words) => {
    expect(programWords(words)).toBeUndefined();
  });
});

describe('what it answers', () => {
  test('says of each whether it was done', () => {
    expect(parseDone('{"return":"done 0 16 -1 0 "}\n', 4)).toEqual([true, false, false, true]);
  });

  test.each(['', 'no such pool', '{"error":"done 0 0 "}', '{"return":"done 0 "}'])(
    'and of none where it is %j',
    (printed) => {
      expect(parseDone(printed, 2)).toBeUndefined();
    },
  );
});
