import { bytesShown } from '../../journal/text.ts';
import type { DatasetName } from '../../zfs/names.ts';
import { bad, type Finding, ok, warn } from './finding.ts';
import { type HostFacts, type Mount, propertyOf } from './host-facts.ts';
import type { Side } from './zfs.ts';

/** Whether nobody can write to the replica. */
export const checkReadOnly = ({ where, facts, command }: Side, target: DatasetName): Finding => {
  const check = 'read-only';
  const value = propertyOf(facts, target, 'readonly');
  if (value === undefined)
    return ok(check, `${target} ${where} is not there yet; prime makes it so`);
  if (value === 'on') return ok(check, `${target} ${where}`);
  return bad(
    check,
    `${target} ${where} is writable`,
    `make it read-only: ${command('zfs', 'set', 'readonly=on', target)}`,
    true,
  );
};

const isPath = (mountpoint: string): boolean => mountpoint.startsWith('/');

/** Another filesystem of that host that mounts at the same place. */
const rivalOf = ({ mounts }: HostFacts, own: Mount): Mount | undefined =>
  mounts.find(
    ({ name, canmount, mounted, mountpoint }) =>
      name !== own.name && mountpoint === own.mountpoint && (canmount === 'on' || mounted),
  );

/** Whether the replica would be mounted over something on its host. */
export const checkMountpoint = ({ where, facts, command }: Side, target: DatasetName): Finding => {
  const check = 'mountpoint';
  const own = facts.mounts.find(({ name }) => name === target);
  if (own === undefined || !isPath(own.mountpoint)) {
    return ok(
      check,
      `${target} ${where} has none${own === undefined ? ' now' : ` (${own.mountpoint})`}`,
    );
  }
  const { canmount, mounted, mountpoint } = own;
  const rival = rivalOf(facts, own);
  const mend = command('zfs', 'set', 'canmount=noauto', target);
  if (canmount === 'on' && rival !== undefined) {
    return bad(
      check,
      `${target} ${where} mounts at ${mountpoint}, and so does ${rival.name}`,
      mend,
    );
  }
  if (canmount === 'on') {
    return warn(
      check,
      `${target} ${where} ${mounted ? 'is mounted' : 'will be mounted'} at ${mountpoint} by the next start (canmount=on)`,
      mend,
    );
  }
  if (rival !== undefined) {
    return warn(
      check,
      `${mountpoint} ${where} is that of ${rival.name} too: taking over from ${target} would collide`,
      command('zfs', 'set', 'mountpoint=none', target),
    );
  }
  return ok(check, `${target} ${where} is not mounted by itself (canmount=${canmount})`);
};

/** How much more a stream takes before it is written down smaller. */
export interface Estimate {
  /** Bytes of the stream; undefined where zfs cannot say. */
  readonly bytes: number | undefined;
  /** How many times smaller the source stores its data. */
  readonly ratio: number;
}

/** Whether the coming stream finds room. */
export const checkSpace = (
  { where, pool, facts, command }: Side,
  target: DatasetName,
  parent: DatasetName,
  { bytes, ratio }: Estimate,
): Finding => {
  const check = 'space';
  const value = propertyOf(facts, target, 'available') ?? propertyOf(facts, parent, 'available');
  if (value === undefined || !/^[0-9]+$/.test(value)) {
    return warn(check, `${where} does not tell how much is free`);
  }
  const free = Number(value);
  const seen = `${bytesShown(free)} free ${where}, about ${bytes === undefined ? 'nobody knows how much' : bytesShown(bytes)} to send`;
  const look = command('zfs', 'list', '-o', 'space', '-t', 'all', '-r', pool);
  if (bytes !== undefined && bytes / ratio > free) {
    return bad(check, seen, `make room (a quota counts too); what takes it: ${look}`);
  }
  return bytes !== undefined && bytes > free * 0.9
    ? warn(check, seen, `it will be close; what takes the space: ${look}`)
    : ok(check, seen);
};

/** More (seconds) than that confuses people who compare logs. */
const tolerable = 30;

/** Whether both clocks agree; `asked` and `answered` (milliseconds) are when this host's clock said so. */
export const checkClock = (
  where: string,
  now: number | undefined,
  asked: number,
  answered: number,
): Finding => {
  const check = 'clock';
  if (now === undefined) return warn(check, `the clock ${where} cannot be read`);
  const ahead = now - Math.floor(answered / 1_000);
  const behind = Math.floor(asked / 1_000) - now;
  const off = Math.max(ahead, behind, 0);
  if (off === 0) return ok(check, `agrees with that ${where}`);
  const seen = `that ${where} is ${off} s ${ahead > 0 ? 'ahead' : 'behind'}`;
  return off <= tolerable
    ? ok(check, seen)
    : warn(check, seen, 'replication goes by no clock, but logs do: let ntp set both');
};
