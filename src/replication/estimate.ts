import type { Zfs } from '../hosts/zfs-command.ts';
import type { DatasetName } from '../zfs/names.ts';
import { type Base, baseName, parseSendLine, tokenArguments } from '../zfs/send.ts';

/** A property that is a number; undefined where it has none. */
export const property = async (
  zfs: Zfs,
  dataset: DatasetName,
  name: string,
): Promise<number | undefined> => {
  const { exitCode, stdout } = await zfs.ask(['get', '-Hp', '-o', 'value', name, dataset]);
  return exitCode === 0 && /^[0-9]+$/.test(stdout) ? Number(stdout) : undefined;
};

/** About how many bytes a stream from that base would have; undefined where zfs cannot say. */
export const estimateOf = (
  zfs: Zfs,
  dataset: DatasetName,
  base: Base | undefined,
  asStored: boolean,
): Promise<number | undefined> =>
  base === undefined
    ? property(zfs, dataset, asStored ? 'referenced' : 'logicalreferenced')
    : property(zfs, dataset, `written${baseName(dataset, base).slice(dataset.length)}`);

/** How many bytes the rest of a stream has by its resume token; undefined where zfs cannot say. */
export const remaining = async (zfs: Zfs, token: string): Promise<number | undefined> => {
  const { stdout, stderr } = await zfs.ask(tokenArguments(token));
  for (const line of `${stdout}\n${stderr}`.split('\n')) {
    const read = parseSendLine(line);
    if (typeof read === 'object' && 'total' in read) return read.total;
  }
  return undefined;
};
