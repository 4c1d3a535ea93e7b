import type { DatasetName } from '../zfs/names.ts';
import { type MemberInstruction, memberLines } from './agent-instructions.ts';
import { tied } from './child.ts';
import { countedWords, firstWords } from './first-words.ts';

/** One stream of a convoy. */
export interface ConvoyMember {
  /** The dataset on the target. */
  readonly target: DatasetName;
  readonly instruction: MemberInstruction;
  /** The parameters with which zfs writes the stream. */
  readonly send: readonly string[];
}

/**
 * Writes the streams one behind the other, each with its two lines in front, and says on standard error which one it is
 * at and how it ended. It ends with the first that fails,
 * because nobody could tell where the next one begins.
 */
const program = `
while [ $# -gt 0 ]; do
  echo "zferry-member $1" >&2
  printf '%s\\n%s\\n' "$1" "$2"
  count=$3
  shift 3
  ${firstWords}
  eval "$command"
  code=$?
  echo "zferry-sent $code" >&2
  [ $code = 0 ] || exit $code
  shift $count
done`;

/** The command that writes a convoy's bytes on this host; `zfs` is how each stream is written there. */
export const convoyCommand = (
  root: DatasetName,
  members: readonly ConvoyMember[],
  zfs: (parameters: readonly string[]) => readonly [string, ...string[]],
): readonly [string, ...string[]] => [
  ...(['sh', '-c', program, 'zferry-convoy'] as const),
  ...members.flatMap(({ target, instruction, send }) => {
    // The shell may be killed: what it started ends with it.
    return [...memberLines(root, target, instruction), ...countedWords(tied(zfs(send)))];
  }),
];

/** What the program of a source on another host reads: three lines for each stream. */
export const convoyInput = (root: DatasetName, members: readonly ConvoyMember[]): string =>
  members
    .flatMap(({ target, instruction, send }) => [
      ...memberLines(root, target, instruction),
      send.join('\t'),
    ])
    .map((line) => `${line}\n`)
    .join('');

/** A line that the program says of itself; undefined for one of zfs. */
export type ConvoyLine =
  | { readonly kind: 'member'; readonly name: string }
  | { readonly kind: 'sent'; readonly status: number };

/** Reads a line of its standard error. */
export const parseConvoyLine = (line: string): ConvoyLine | undefined => {
  const name = /^zferry-member (.+)$/.exec(line)?.[1];
  if (name !== undefined) return { kind: 'member', name };
  const status = /^zferry-sent ([0-9]+)$/.exec(line)?.[1];
  return status === undefined ? undefined : { kind: 'sent', status: Number(status) };
};
