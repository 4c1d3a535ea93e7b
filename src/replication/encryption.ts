import { refusal, type ZferryError } from '../errors.ts';
import { commandOn } from '../hosts/command-on.ts';
import { hostShown } from '../hosts/place.ts';
import type { HostFacts, TargetDataset, TargetGlimpse } from '../hosts/target-facts.ts';
import type { Encryption, SourceListing, SourceTraits } from '../zfs/listing.ts';
import { parentOf } from '../zfs/names.ts';
import { onTarget, where, zferry } from './hints.ts';
import type { Request } from './request.ts';
import { parseStreamRecord } from './stream-record.ts';

/** Whether streams of this source are raw: what is encrypted leaves in the clear only by `--decrypt`. */
export const goesRaw = (
  { decrypt }: Pick<Request, 'decrypt'>,
  { encryption }: Pick<SourceListing, 'encryption'>,
): boolean => encryption !== undefined && !decrypt;

/** Why the source cannot be decrypted; undefined where it can, or need not be. */
export const keyProblem = (
  { pair, decrypt, sudo, sshOptions }: Request,
  { encryption }: Pick<SourceListing, 'encryption'>,
): ZferryError | undefined => {
  if (!decrypt || encryption === undefined || encryption.isLoaded) return undefined;
  return refusal(
    `the key of ${pair.source.dataset} is not loaded, and --decrypt needs it`,
    `load it: ${commandOn(pair.source.host, { sudo, sshOptions }, ['zfs', 'load-key', encryption.root])}`,
  );
};

/** A replica, however much was seen of it. */
export type ReplicaTraits = TargetDataset | TargetGlimpse;

/**
 * Whether the replica is a raw one; undefined where nobody can tell. What is not encrypted there cannot be raw,
 * whatever the source has on record. Of a first send that is not finished only the record is asked.
 */
const isRaw = (
  { pair }: Request,
  source: SourceTraits,
  target: ReplicaTraits,
): boolean | undefined => {
  const isBegun = 'named' in target ? target.named !== undefined : target.snapshots.length > 0;
  if (isBegun && target.encryption === undefined) return false;
  const recorded = parseStreamRecord(source.properties[0]);
  if (recorded !== undefined) return recorded.raw;
  // One that arrived raw has a key of its own; one that arrived plain has that of a dataset above it.
  return isBegun ? target.encryption?.root === pair.target.dataset : undefined;
};

/** Why such a stream must not go into that replica; undefined where it may. zfs itself would take plain after raw. */
const mixture = (
  request: Request,
  source: SourceTraits,
  target: ReplicaTraits,
): ZferryError | undefined => {
  const { pair } = request;
  const { dataset } = pair.source;
  const wanted = goesRaw(request, source);
  const there = isRaw(request, source, target);
  if (there === undefined || there === wanted) return undefined;
  const verb = request.replace ? 'prime' : request.intent;
  return wanted
    ? refusal(
        `${where(pair)} is a plain replica, and ${dataset} is encrypted and sent raw: the two are never mixed`,
        `to go on with it in the clear: ${zferry({ ...request, decrypt: true }, verb)}`,
      )
    : refusal(
        `${where(pair)} is a raw replica, and --decrypt sends plain: the two are never mixed`,
        `go on without it: ${zferry({ ...request, decrypt: false }, verb)}`,
      );
};

const locked = (request: Request, what: string, { root }: Encryption): ZferryError =>
  refusal(
    `${what} on ${hostShown(request.pair.target.host)} is encrypted, and its key is not loaded there: it cannot take a plain stream`,
    `load it: ${onTarget(request, 'zfs', 'load-key', root)}`,
  );

/** Why a replica cannot take this source's streams, raw or plain as they are; undefined where it can. */
export const encryptionProblem = (
  request: Request,
  source: SourceTraits,
  target: ReplicaTraits,
): ZferryError | undefined => {
  const { encryption } = target;
  const problem = mixture(request, source, target);
  if (problem !== undefined) return problem;
  if (goesRaw(request, source) || encryption === undefined || encryption.isLoaded) return undefined;
  return locked(request, request.pair.target.dataset, encryption);
};

/**
 * True where the replica is to be as plain as its source although the dataset above it is encrypted: that one's key is never
 * on the target, and without saying so zfs would want it.
 */
export const staysPlain = (
  request: Pick<Request, 'isBelowRaw' | 'decrypt'>,
  source: Pick<SourceTraits, 'encryption'>,
): boolean => request.isBelowRaw === true && !goesRaw(request, source);

/** The same for one that a first full send is to make. */
export const newEncryptionProblem = (
  request: Request,
  source: SourceTraits,
  { parentEncryption }: Pick<HostFacts, 'parentEncryption'>,
): ZferryError | undefined => {
  const { dataset } = request.pair.target;
  if (goesRaw(request, source) || parentEncryption === undefined) return undefined;
  if (staysPlain(request, source)) return undefined;
  return parentEncryption.isLoaded
    ? undefined
    : locked(request, parentOf(dataset) ?? dataset, parentEncryption);
};

/** What a reader of the log should know of a new replica's key; undefined where there is nothing to know. */
export const encryptionNote = (
  request: Request,
  source: SourceTraits,
  { parentEncryption }: Pick<HostFacts, 'parentEncryption'>,
): string | undefined =>
  parentEncryption === undefined || goesRaw(request, source) || staysPlain(request, source)
    ? undefined
    : `encrypted on ${hostShown(request.pair.target.host)} with the key of ${parentEncryption.root}`;
