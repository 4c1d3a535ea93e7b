/**
 * Part of a program in POSIX sh: puts into `$command` what `eval` runs as the first `$count` of its parameters. It is
 * made of numbers alone, `"${1}" "${2}"`…, so that no text from outside is read by a shell.
 */
export const firstWords = `command= at=1
  while [ $at -le $count ]; do command="$command \\"\\\${$at}\\"" at=$((at + 1)); done`;

/** A command as such a program takes it: how many words, and the words. */
export const countedWords = (words: readonly string[]): readonly string[] => [
  String(words.length),
  ...words,
];
