import type { TargetFacts } from '../../hosts/target-facts.ts';
import type { Zfs } from '../../hosts/zfs-command.ts';
import type { SourceListing } from '../../zfs/listing.ts';
import { parentOf } from '../../zfs/names.ts';
import { goesRaw } from '../encryption.ts';
import { estimateOf } from '../estimate.ts';
import { originGuid } from '../origin.ts';
import { commonBase } from '../plan.ts';
import type { Request, Tree } from '../request.ts';
import { lookAtSource, lookIntoToken } from '../survey.ts';
import type { TargetId } from '../target-id.ts';
import { memberRequest, membersOf } from '../tree/members.ts';
import { factsOf, isNewHere, listTree } from '../tree/sight.ts';
import { goesAsStored } from '../wire.ts';
import { checkBase, checkToken, type Links } from './chain.ts';
import { type Finding, ok } from './finding.ts';
import { checkMountpoint, checkReadOnly, checkSpace, type Estimate } from './target.ts';
import type { Side } from './zfs.ts';

/** One dataset that is replicated, and what is known of it on both sides. */
interface Replica {
  readonly request: Request;
  readonly links: Links;
  /** True for one below a tree's root whose first send is ahead. */
  readonly isComing: boolean;
}

/** What they are looked at with. */
interface Lens {
  readonly request: Request;
  readonly id: TargetId;
  readonly facts: TargetFacts;
  /** zfs on the source's host. */
  readonly zfs: Zfs;
}

const linksOf = async (
  { zfs, id }: Lens,
  source: SourceListing,
  facts: TargetFacts,
): Promise<Links> => {
  const resumeToken = facts.dataset?.resumeToken;
  const token = resumeToken === undefined ? undefined : await lookIntoToken(zfs, resumeToken);
  const origin = token && (await originGuid(zfs, source));
  return { id, source, facts, token, origin };
};

const replicasOf = async (lens: Lens, tree: Tree | undefined): Promise<readonly Replica[]> => {
  const { request, zfs, id, facts } = lens;
  const { pair } = request;
  if (tree === undefined) {
    const source = await lookAtSource(zfs, pair.source.dataset, id);
    return [{ request, links: await linksOf(lens, source, facts), isComing: false }];
  }
  const listings = await listTree(zfs, pair.source.dataset, id);
  const coming = new Set<string>();
  const replicas: Replica[] = [];
  for (const member of membersOf(pair, tree, listings.keys())) {
    const source = listings.get(member.pair.source.dataset);
    if (source === undefined) continue;
    const own = factsOf(facts, member, coming);
    const isNew = isNewHere(source, id);
    const isComing = member.path !== '' && isNew && own.dataset === undefined;
    if (isComing) coming.add(member.pair.target.dataset);
    const links = await linksOf(lens, source, own);
    // What is wrong with the root is wrong with the tree: its hints are about all of it.
    const asked = member.path === '' ? request : memberRequest(request, member, isNew, listings);
    replicas.push({ request: asked, links, isComing });
  }
  return replicas;
};

/** What one dataset's stream would take. */
const estimateFor = async (
  zfs: Zfs,
  { request, links: { source, facts } }: Replica,
): Promise<Estimate> => {
  const base = facts.dataset && commonBase(source, facts.dataset);
  const asStored = goesRaw(request, source) || goesAsStored(request, source, facts);
  const bytes = await estimateOf(zfs, request.pair.source.dataset, base, asStored);
  return { bytes, ratio: asStored ? 1 : source.ratio };
};

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

/** What all streams take together. */
const total = (estimates: readonly Estimate[]): Estimate => {
  const known = estimates.flatMap(({ bytes, ratio }) =>
    bytes === undefined ? [] : [{ bytes, written: bytes / ratio }],
  );
  const bytes = sum(known.map((each) => each.bytes));
  const written = sum(known.map((each) => each.written));
  const ratio = written === 0 ? 1 : bytes / written;
  return { bytes: known.length < estimates.length ? undefined : bytes, ratio };
};

/** One line where all are well; else one for each that is not. */
const together = (findings: readonly Finding[]): readonly Finding[] => {
  const [first] = findings;
  if (first === undefined || findings.length === 1) return findings;
  const troubles = findings.filter(({ level }) => level !== 'ok');
  return troubles.length === 0 ? [ok(first.check, `all ${findings.length} datasets`)] : troubles;
};

const baseOf = ({ request, links, isComing }: Replica): Finding =>
  isComing
    ? ok('base', `${request.pair.source.dataset} is new, and is sent as a whole`)
    : checkBase(request, links);

/**
 * The lines about the replica, and with `--recursive` about all below it. Throws why the source could not be
 * read.
 */
export const checkReplicas = async (lens: Lens, there: Side): Promise<readonly Finding[]> => {
  const { dataset } = lens.request.pair.target;
  const replicas = await replicasOf(lens, lens.request.tree);
  const estimates: Estimate[] = [];
  for (const replica of replicas) estimates.push(await estimateFor(lens.zfs, replica));
  const of = (check: (replica: Replica) => Finding) => together(replicas.map(check));
  return [
    ...of(({ request }) => checkReadOnly(there, request.pair.target.dataset)),
    ...of(({ request }) => checkMountpoint(there, request.pair.target.dataset)),
    checkSpace(there, dataset, parentOf(dataset) ?? dataset, total(estimates)),
    ...of(baseOf),
    ...of(({ request, links }) => checkToken(request, links)),
  ];
};
