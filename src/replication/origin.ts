import type { AgentSession } from '../hosts/agent-session.ts';
import type { Zfs } from '../hosts/zfs-command.ts';
import type { SourceListing } from '../zfs/listing.ts';
import { type DatasetName, type Guid, parseDatasetName, parseGuid } from '../zfs/names.ts';
import { goesRaw } from './encryption.ts';
import type { Request } from './request.ts';
import { parseStreamRecord } from './stream-record.ts';
import { streamProperty, targetIdOf } from './target-id.ts';

/** Guid of the snapshot that a source is a clone of; undefined for one that is none. Throws in zfs's words. */
export const originGuid = async (
  zfs: Zfs,
  { origin }: Pick<SourceListing, 'origin'>,
): Promise<Guid | undefined> =>
  origin === undefined
    ? undefined
    : parseGuid((await zfs.tell(['get', '-Hp', '-o', 'value', 'guid', origin])).trim());

const datasetOf = (snapshot: string): DatasetName =>
  parseDatasetName(snapshot.slice(0, snapshot.indexOf('@')));

/** What it takes to look for an origin. */
interface Search {
  readonly request: Request;
  readonly zfs: Zfs;
  readonly session: Pick<AgentSession, 'seek'>;
  readonly facts: { readonly poolGuid: Guid | undefined };
}

/**
 * Full name, on the source, of the snapshot that a new replica is to be a clone of there as the source is here; undefined
 * where it is to be a full dataset: the source is no clone, or the target's pool has nothing of that guid, or not in a
 * replica whose series zferry began with the same flags. A clone goes on from blocks that these have made (openzfs
 * #6224), and raw and plain are never mixed.
 */
export const sharedOrigin = async (
  { request, zfs, session, facts }: Search,
  source: SourceListing,
): Promise<string | undefined> => {
  const { origin } = source;
  const { poolGuid } = facts;
  const guid = await originGuid(zfs, source);
  if (origin === undefined || guid === undefined || poolGuid === undefined) return undefined;
  const replicas = [...new Set((await session.seek(guid)).map(datasetOf))];
  if (replicas.length === 0) return undefined;
  const properties = replicas.map((dataset) => streamProperty(targetIdOf(poolGuid, dataset)));
  const words = ['get', '-Hp', '-o', 'value', properties.join(','), datasetOf(origin)];
  const records = (await zfs.tell(words)).split('\n').map((line) => parseStreamRecord(line.trim()));
  const raw = goesRaw(request, source);
  // zfs takes any of those with that guid: all must do.
  const fits = replicas.every((_, index) => {
    const record = records[index];
    return record?.largeBlocks === true && record.raw === raw;
  });
  return fits ? origin : undefined;
};
