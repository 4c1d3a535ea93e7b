const SAFE_WORD = /^[\w@%+=:,./-]+$/;

/** One word of a POSIX shell command, whatever characters it holds. */
export const quote = (word: string): string =>
  SAFE_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A template whose values become one shell word each: sh`zfs destroy ${name}`. */
export const sh = (parts: TemplateStringsArray, ...words: readonly (string | number)[]): string =>
  parts.reduce(
    (command, part, index) => `${command}${quote(String(words[index - 1] ?? ''))}${part}`,
  );
