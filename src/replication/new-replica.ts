import type { TargetFacts } from '../hosts/target-facts.ts';
import type { SourceListing } from '../zfs/listing.ts';
import { encryptionNote } from './encryption.ts';
import type { Request } from './request.ts';

/** A clone shares its blocks with another dataset here, and there where that is replicated too (`shared`). */
const cloneNote = ({ origin }: SourceListing, shared: string | undefined): string | undefined => {
  if (origin === undefined) return undefined;
  return shared === undefined
    ? `sent as a full dataset, although it is a clone of ${origin}`
    : `sent as a clone of ${origin}`;
};

/** What a reader of the log should know of a replica that a first full send makes. */
export const newReplicaNotes = (
  request: Request,
  source: SourceListing,
  facts: Pick<TargetFacts, 'parentEncryption'>,
  shared: string | undefined,
): readonly string[] =>
  [cloneNote(source, shared), encryptionNote(request, source, facts)].filter(
    (note) => note !== undefined,
  );
