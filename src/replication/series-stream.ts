import type { HostFacts } from '../hosts/target-facts.ts';
import type { SourceTraits } from '../zfs/listing.ts';
import type { Guid, SnapshotLabel } from '../zfs/names.ts';
import type { Base, Stream } from '../zfs/send.ts';
import { goesRaw } from './encryption.ts';
import type { Request } from './request.ts';
import type { Arrival } from './situation.ts';
import { parseStreamRecord, streamRecord } from './stream-record.ts';
import { streamProperty, targetIdOf } from './target-id.ts';
import { goesAsStored } from './wire.ts';

/** The stream that takes the target from that base to that snapshot; without a base, a full one. */
export const streamFor = (
  { request, facts }: { readonly request: Request; readonly facts: HostFacts },
  base: Base | undefined,
  label: SnapshotLabel,
  source: SourceTraits,
  origin: string | undefined,
): Stream => {
  const raw = goesRaw(request, source);
  const asStored = raw || goesAsStored(request, source, facts);
  const { properties } = request;
  if (base === undefined) {
    const blocks = { label, largeBlocks: true, asStored, raw, properties };
    return origin === undefined
      ? { kind: 'full', ...blocks }
      : { kind: 'clone', origin, ...blocks };
  }
  const largeBlocks = parseStreamRecord(source.properties[0])?.largeBlocks === true;
  return { kind: 'incremental', base, label, largeBlocks, asStored, raw, properties };
};

/** Records how the target's series is sent: as its first full send is. */
export const recordStream = async (
  { request, zfs, id, facts }: Arrival,
  source: SourceTraits,
): Promise<void> => {
  const { pair, partOf } = request;
  const { properties } = request;
  const record = streamRecord({ raw: goesRaw(request, source), properties });
  // A part of a tree may be asked for alone one day.
  const own = partOf && targetIdOf(facts.poolGuid as Guid, pair.target.dataset);
  const ids = new Set(own === undefined ? [id] : [id, own]);
  const words = [...ids].map((each) => `${streamProperty(each)}=${record}`);
  await zfs.tell(['set', ...words, pair.source.dataset]);
};
