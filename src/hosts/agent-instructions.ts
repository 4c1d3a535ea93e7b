import type { DatasetName, Guid, SnapshotLabel } from '../zfs/names.ts';
import type { Compression } from './compressors.ts';

/** What the target's half of a transfer is to do. */
export interface ReceiveInstruction extends MemberInstruction {
  readonly compression: Compression;
}

/** The same for one of several streams, which share their compression. */
export interface MemberInstruction {
  /** `full` and `volume` make the dataset, or complete it; a volume has no canmount. */
  readonly mode: 'full' | 'volume' | 'incremental';
  /** True for what is to be made without encryption, whatever the dataset above it has. */
  readonly isPlain?: boolean;
  /** Properties that the stream has and the target does not take. */
  readonly keeps: readonly string[];
  /** The snapshot that must be there afterwards. */
  readonly label: SnapshotLabel;
  readonly guid: Guid;
  /** What to destroy once it is. */
  readonly prune: readonly { readonly label: SnapshotLabel; readonly guid: Guid }[];
}

const modeWord = ({ mode, isPlain, keeps }: MemberInstruction): string =>
  [isPlain ? `plain-${mode}` : mode, ...keeps].join('+');

const receivedWords = ({ guid, label, prune }: MemberInstruction): readonly string[] => [
  guid,
  label,
  ...prune.map((each) => `${each.guid}=${each.label}`),
];

/** The words of the `receive` command. */
export const receiveWords = (instruction: ReceiveInstruction): readonly string[] => [
  ...['receive', modeWord(instruction), instruction.compression],
  ...receivedWords(instruction),
];

/**
 * The two lines in front of a convoy's stream: which dataset of the tree it is for (`.` or `./below/it`), and what
 * is to be done with it.
 */
export const memberLines = (
  root: DatasetName,
  dataset: DatasetName,
  instruction: MemberInstruction,
): readonly [string, string] => [
  `.${dataset.slice(root.length)}`,
  [modeWord(instruction), ...receivedWords(instruction)].join('/'),
];

/** A command to the agent. Its words hold no `/`: names within a dataset cannot. */
export const commandLine = (words: readonly string[]): string => `${words.join('/')}\n`;
