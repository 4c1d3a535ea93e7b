import { failure } from '../errors.ts';
import { type Guid, parseGuid, shown } from '../zfs/names.ts';

/** A dataset, snapshot or bookmark that something is about to happen to, on the target. */
export interface Inspected {
  readonly type: string;
  /** Full name. */
  readonly name: string;
  readonly guid: Guid;
  readonly createtxg: number;
  readonly isHeld: boolean;
  /** Bytes written since the snapshot before it. */
  readonly written: number;
  /** The clones of a snapshot, by name. */
  readonly clones: readonly string[];
}

const columns = 'type,guid,createtxg,userrefs,written,clones,name';

/** The arguments of the listing that tells all of the target and of what is below and beside it. */
export const inspectionArguments = `-Hp -r -t filesystem,volume,snapshot,bookmark -o ${columns}`;

const numberOf = (text: string | undefined): number =>
  text !== undefined && /^[0-9]+$/.test(text) ? Number(text) : 0;

const parseRow = (row: string): Inspected => {
  const [type = '', guid = '', createtxg, holds, written, clones = '', name = ''] = row.split('\t');
  try {
    return {
      type,
      name,
      guid: parseGuid(guid),
      createtxg: numberOf(createtxg),
      isHeld: numberOf(holds) > 0,
      written: numberOf(written),
      clones: clones.split(',').filter((clone) => clone !== '' && clone !== '-'),
    };
  } catch (error) {
    throw failure(`cannot read what the target has: '${shown(row)}'`, undefined, error);
  }
};

/**
 * Reads the agent's answer to `inspect`. Throws a failure for anything that is not of that form: what is
 * to be destroyed is decided from it.
 */
export const parseInspection = (lines: readonly string[]): readonly Inspected[] => {
  const rows = lines.slice(lines.indexOf('section inspection') + 1);
  const complaint = rows.find(
    (row) => !/\t|^$|(dataset does not exist|name is too long)$/.test(row),
  );
  if (complaint !== undefined) throw failure(`cannot read what the target has: ${complaint}`);
  return rows.filter((row) => row.includes('\t')).map(parseRow);
};
