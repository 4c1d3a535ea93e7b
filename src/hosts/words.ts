import { failure } from '../errors.ts';

/**
 * A word for a login shell that may be sh, bash, zsh, fish, csh or tcsh: all of them take text in single
 * quotes literally as long as it has no quote, backslash, `!` or line break. Nothing that a parser lets
 * through has one of these, so that refusing them here costs nothing and escaping is never needed.
 */
export const quoted = (word: string): string => {
  if (/['\\!\r\n\0]/.test(word)) throw failure(`cannot quote ${JSON.stringify(word)} for ssh`);
  return `'${word}'`;
};

// `#` begins a comment, and zsh takes `=name` for the path of a program.
const plain = /^(?![#=])[A-Za-z0-9_@%+=:,./#-]+$/;

/** A command as a person can paste it into a POSIX shell. Only for showing. */
export const pasteable = (words: readonly string[]): string =>
  words.map((word) => (plain.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
