import type { Bookmark, Snapshot } from './listing.ts';
import { bookmarkName, type DatasetName, type SnapshotLabel, snapshotName } from './names.ts';

/** Where an incremental stream starts from: a snapshot, or the bookmark that outlived it. */
export type Base =
  | ({ readonly kind: 'snapshot' } & Snapshot)
  | ({ readonly kind: 'bookmark' } & Bookmark);

/** The full name of a base. */
export const baseName = (dataset: DatasetName, base: Base): string =>
  base.kind === 'snapshot' ? snapshotName(dataset, base.label) : bookmarkName(dataset, base.label);

/** How blocks go into a stream. */
interface Blocks {
  readonly label: SnapshotLabel;
  /** Must stay the same over a series (openzfs #6224). */
  readonly largeBlocks: boolean;
  /** Compressed and embedded blocks go as they are on the disk. May change with each stream. */
  readonly asStored: boolean;
  /** Encrypted, as it is on the disk: then large, compressed and embedded blocks go so too. Must stay the same. */
  readonly raw: boolean;
  /** The dataset's properties go along; not with a stream that is resumed. */
  readonly properties: boolean;
}

/** What `zfs send` is asked for. A resumed stream has its flags in its token. */
export type Stream =
  | ({ readonly kind: 'full' } & Blocks)
  /** Makes a clone of the snapshot with that full name on the source, which the target's pool has too. */
  | ({ readonly kind: 'clone'; readonly origin: string } & Blocks)
  | ({ readonly kind: 'incremental'; readonly base: Base } & Blocks)
  | ({ readonly kind: 'resume'; readonly token: string } & Pick<Blocks, 'asStored' | 'raw'>);

/** Properties of a pool that all must be on where blocks are to be received as they were stored elsewhere. */
export const storedBlockFeatures: readonly string[] = [
  ...['feature@embedded_data', 'feature@lz4_compress', 'feature@zstd_compress'],
];

const blockFlags = ({ raw, largeBlocks, asStored }: Blocks): readonly string[] => {
  // It stands for -L, -e and -c too.
  if (raw) return ['-w'];
  return [...(largeBlocks ? ['-L'] : []), ...(asStored ? ['-e', '-c'] : [])];
};

/** The arguments of `zfs send`; `-v -P` makes it print size and progress in a form for programs. */
export const sendArguments = (dataset: DatasetName, stream: Stream): readonly string[] => {
  if (stream.kind === 'resume') return ['send', '-v', '-P', '-t', stream.token];
  return [
    'send',
    '-v',
    '-P',
    ...blockFlags(stream),
    ...(stream.properties ? ['-p'] : []),
    ...(stream.kind === 'incremental' ? ['-i', baseName(dataset, stream.base)] : []),
    ...(stream.kind === 'clone' ? ['-i', stream.origin] : []),
    snapshotName(dataset, stream.label),
  ];
};

/** What a line of `zfs send -v -P` tells: how large the stream will be, or how much of it went (bytes). */
export type SendProgress =
  | { readonly total: number }
  | { readonly sent: number }
  /** A line that only names the stream. */
  | 'header';

/** Reads a line of `zfs send -v -P`; undefined for one that is a complaint. */
export const parseSendLine = (line: string): SendProgress | undefined => {
  const [first = '', second = ''] = line.split('\t');
  if (first === 'size' && /^[0-9]+$/.test(second)) {
    const total = Number(second);
    // For a token near its end zfs takes more away than there is: 2^64 and a bit less.
    return Number.isSafeInteger(total) ? { total } : 'header';
  }
  if (/^[0-9]{2}:[0-9]{2}:[0-9]{2}$/.test(first) && /^[0-9]+$/.test(second)) {
    return { sent: Number(second) };
  }
  return first === 'full' || first === 'incremental' ? 'header' : undefined;
};

/** What a resume token says that it continues; guids in decimal. */
export interface TokenContents {
  readonly toName: string;
  readonly toGuid: string;
  /** undefined for a full stream. */
  readonly fromGuid: string | undefined;
  readonly raw: boolean;
  /** True where compressed blocks go as they are on the disk. */
  readonly asStored: boolean;
  /** Where in the stream it goes on: object and offset, as zfs prints them. */
  readonly position: string;
  /** Full name of the snapshot that zfs would send for it; undefined where it could not. */
  readonly sends: string | undefined;
}

/** The arguments that make zfs print what is in a token, and check it, without sending. */
export const tokenArguments = (token: string): readonly string[] => ['send', '-nvP', '-t', token];

const hexadecimal = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : BigInt(text).toString();

/** Reads the nvlist that `zfs send -nv -t` prints; undefined where there is none in it. */
export const parseTokenContents = (output: string): TokenContents | undefined => {
  const lines = [...output.matchAll(/^\s*([a-z]+) = (.*)$/gm)];
  const fields = new Map(lines.map(([, name = '', value = '']) => [name, value]));
  // zfs prints a name from the token as it is: one with line breaks in it could pose as other fields.
  if (fields.size !== lines.length) return undefined;
  const number = (name: string) => {
    const text = fields.get(name);
    return text !== undefined && /^0x[0-9a-f]+$/.test(text) ? hexadecimal(text) : undefined;
  };
  const toName = fields.get('toname');
  const toGuid = number('toguid');
  if (toName === undefined || toGuid === undefined) return undefined;
  const streams = [...output.matchAll(/^(?:full|incremental\t[^\t\n]*)\t([^\t\n]+)\t[0-9]+$/gm)];
  const sends = streams.length === 1 ? streams[0]?.[1] : undefined;
  return {
    toName,
    toGuid,
    fromGuid: number('fromguid'),
    raw: fields.has('rawok'),
    asStored: fields.has('compressok'),
    position: `${fields.get('object')} ${fields.get('offset')}`,
    sends,
  };
};
