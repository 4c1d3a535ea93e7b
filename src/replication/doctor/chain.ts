import type { ZferryError } from '../../errors.ts';
import { asZferryError } from '../../errors.ts';
import { onHost, type Place } from '../../hosts/place.ts';
import type { SourceHost } from '../../hosts/source-host.ts';
import type { TargetFacts } from '../../hosts/target-facts.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import type { Guid } from '../../zfs/names.ts';
import { baseName, type TokenContents } from '../../zfs/send.ts';
import { commonBase, decide, decidePartial, targetProblem } from '../plan.ts';
import type { Request } from '../request.ts';
import { bookmarkMeaning, type TargetId } from '../target-id.ts';
import { chooseWire } from '../wire.ts';
import { bad, badAs, type Finding, ok, warn } from './finding.ts';

/** What both sides hold. */
export interface Links {
  readonly id: TargetId;
  readonly source: SourceListing;
  readonly facts: TargetFacts;
  /** What the target's resume token says, where it has one that can be read. */
  readonly token: TokenContents | undefined;
  /** guid of the snapshot that the source is a clone of, where a token was to be looked into. */
  readonly origin?: Guid | undefined;
}

const hasBookmark = ({ source, id }: Links, guid: string): boolean =>
  source.bookmarks.some(
    (bookmark) => bookmark.guid === guid && bookmarkMeaning(bookmark.label)?.target === id,
  );

/** What a cycle would refuse; a writable replica has a line of its own. */
const refused = (request: Request, { source, facts }: Links): ZferryError | undefined => {
  const { dataset } = facts;
  const problem = targetProblem(request, {
    ...facts,
    dataset: dataset && { ...dataset, readonly: true },
  });
  if (problem !== undefined) return problem;
  // A partial receive has a line of its own, too.
  if (dataset?.snapshots.length === 0) return undefined;
  const plan = decide(request, source, facts);
  return plan.kind === 'refuse' ? plan.error : undefined;
};

/** Whether both sides have a snapshot in common that the next stream can start from. */
export const checkBase = (request: Request, links: Links): Finding => {
  const check = 'base';
  const { source, facts } = links;
  const problem = refused(request, links);
  if (problem !== undefined) return badAs(check, problem);
  const base = facts.dataset && commonBase(source, facts.dataset);
  if (base === undefined) return warn(check, 'none yet: the first full send is not finished');
  const name = baseName(request.pair.source.dataset, base);
  return base.kind === 'snapshot' && !hasBookmark(links, base.guid)
    ? warn(
        check,
        `${name}, which has no bookmark`,
        'the next cycle makes one; keep that snapshot until then',
      )
    : ok(check, name);
};

/** What has been received in part, and what the next cycle makes of it. */
export const checkToken = (request: Request, { source, facts, token, origin }: Links): Finding => {
  const check = 'token';
  const { dataset } = facts;
  if (dataset?.resumeToken === undefined) return ok(check, 'nothing is received in part');
  const plan = decidePartial(request, source, dataset, token, { origin });
  if (plan.kind === 'refuse') return badAs(check, plan.error);
  return plan.kind === 'resume'
    ? warn(check, `@${plan.snapshot.label} is received in part; the next cycle goes on with it`)
    : warn(check, 'something is received in part that cannot go on; the next cycle gives it up');
};

/** Whether both sides have what the stream goes through. */
export const checkCompressor = (
  request: Request,
  facts: TargetFacts,
  from: Pick<SourceHost, 'has'>,
): Finding => {
  const check = 'compressor';
  try {
    const { compression, note } = chooseWire(request, facts, from);
    const { wanted } = request.compression;
    if (note === undefined) {
      return ok(check, wanted === 'auto' ? `auto: ${compression} where it helps` : compression);
    }
    return warn(check, note, 'install it there (apt install lzop), or say --compress none or auto');
  } catch (error) {
    const { message, hint } = asZferryError(error);
    return bad(check, message, hint);
  }
};

/** Agents of earlier runs that are still there; the next run ends them. */
export const checkLeftovers = (
  { host }: Place,
  predecessors: readonly number[],
): readonly Finding[] =>
  predecessors.length === 0
    ? []
    : [
        warn(
          'agent',
          `a run's processes are ${onHost(host)} (process group ${predecessors.join(', ')})`,
          'if no run is at work here, the next cycle ends them by itself',
        ),
      ];
