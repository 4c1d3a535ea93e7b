import { failure } from '../errors.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { Share } from './shared-snapshot.ts';

/** Takes back what was made for nothing. Throws the reason; what could not be taken back is said with it. */
export const retract = async (
  { zfs, share }: { readonly zfs: Zfs; readonly share: Share },
  names: readonly string[],
  reason: unknown,
): Promise<never> => {
  const left = await share.takeBack(zfs, names);
  const [first] = left;
  if (first === undefined) throw reason;
  const message = reason instanceof Error ? reason.message : String(reason);
  throw failure(
    `${message}; and ${first.name} is left: ${first.reason}`,
    `once it can go: ${zfs.paste(['zfs', 'destroy', first.name])}`,
    reason,
  );
};
