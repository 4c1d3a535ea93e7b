import { utcFormat, utcParse } from 'd3-time-format';
import { usageError } from '../errors.ts';
import { parseSnapshotLabel, type SnapshotLabel, shown } from '../zfs/names.ts';

/** The snapshots that one name format makes, and those that it recognises as its own. */
export interface Series {
  /** The label for that moment; `attempt` 2 and up make it unique within a second. */
  readonly label: (at: Date, attempt: number) => SnapshotLabel;
  /** When a label of this series says that it was made (UTC); undefined for any other label. */
  readonly timeOf: (label: SnapshotLabel) => Date | undefined;
  /**
   * False for a format without a word of its own, such as the 2012 script's: other tools and people name
   * snapshots by the bare time too, so that only a base that was replaced may be pruned with it.
   */
  readonly ownsItsNames: boolean;
}

/** ISO 8601 in UTC: no name collides or turns back when summer time ends. */
export const defaultNameFormat = 'zferry_%Y-%m-%dT%H:%M:%SZ';

/** Directives of strftime(3) that d3-time-format writes and reads alike, and that make no odd names. */
const directive = /%([YmdHMSjybBL%])/g;

const expand = (format: string): string =>
  format.replaceAll('%F', '%Y-%m-%d').replaceAll('%T', '%H:%M:%S');

const literalText = (format: string): string => format.replaceAll(directive, ' ');

const suffix = /_([2-9]|[1-9][0-9]+)$/;

/** Reads `--name-format`. Throws a usage error for a directive it does not know or a name ZFS does not allow. */
export const parseNameFormat = (text: string): Series => {
  const format = expand(text);
  const literal = literalText(format);
  if (literal.includes('%')) {
    throw usageError(
      `the name format '${shown(text)}' has a directive that zferry does not know`,
      'it knows %Y %m %d %H %M %S %F %T %j %y %b %B and %L',
    );
  }
  if (!/%[YyjmdHMSL]/.test(format)) {
    throw usageError(`the name format '${shown(text)}' has no time in it`);
  }
  const write = utcFormat(format);
  const read = utcParse(format);
  const exact = (label: string): Date | undefined => {
    const time = read(label);
    return time !== null && write(time) === label ? time : undefined;
  };
  parseSnapshotLabel(write(new Date(0)));
  return {
    label: (at, attempt) => parseSnapshotLabel(attempt < 2 ? write(at) : `${write(at)}_${attempt}`),
    timeOf: (label) => exact(label) ?? exact(label.replace(suffix, '')),
    ownsItsNames: /[A-Za-z]{2}/.test(literal),
  };
};
