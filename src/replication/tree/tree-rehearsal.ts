import { asZferryError, ZferryError } from '../../errors.ts';
import type { SourceConnection } from '../../hosts/source-connection.ts';
import type { Tether } from '../../hosts/tether.ts';
import { looking } from '../looking.ts';
import { type Rehearsal, rehearseCycle } from '../rehearsal.ts';
import type { Request, Tree } from '../request.ts';
import { memberRequest, membersOf } from './members.ts';
import { factsOf, isNewHere, listTree } from './sight.ts';
import { foreignParents, foreignRootProblem } from './strangers.ts';

/** What a run for a tree would do with one of its datasets, or why it would not. */
export interface RehearsedMember {
  readonly request: Request;
  readonly outcome: Rehearsal | ZferryError;
}

const isOf = (kind: Rehearsal['kind'], { outcome }: RehearsedMember): boolean =>
  !(outcome instanceof ZferryError) && outcome.kind === kind;

/** A member as it was asked for, and as a run would have it. */
interface Twice {
  readonly first: RehearsedMember;
  readonly asRun: () => Promise<RehearsedMember>;
}

/** Looks at both sides and says what a run for a tree would do; changes nothing. Throws what concerns all of it. */
export const rehearseTree = (
  request: Request,
  tree: Tree,
  connection: SourceConnection,
  tether: Tether,
): Promise<readonly RehearsedMember[]> =>
  looking(request, connection, tether, async (sight) => {
    const { zfs, id, facts } = sight;
    const listings = await listTree(zfs, request.pair.source.dataset, id);
    const foreign = await foreignRootProblem({ ...sight, request }, listings);
    if (foreign !== undefined) throw foreign;
    const coming = new Set<string>();
    const whyNotNew = foreignParents({ ...sight, request }, listings);
    const rehearsed: Twice[] = [];
    for (const member of membersOf(request.pair, tree, listings.keys())) {
      const source = listings.get(member.pair.source.dataset);
      if (source === undefined) continue;
      const there = factsOf(facts, member, coming);
      const unfit = there.dataset === undefined ? await whyNotNew(member) : undefined;
      const rehearse = async (own: Request): Promise<RehearsedMember> => {
        const rehearsal = () => rehearseCycle(own, { ...sight, facts: there, source });
        return { request: own, outcome: unfit ?? (await rehearsal().catch(asZferryError)) };
      };
      const own = memberRequest(request, member, isNewHere(source, id), listings);
      const first = await rehearse(own);
      if (isOf('full', first)) coming.add(member.pair.target.dataset);
      rehearsed.push({ first, asRun: () => rehearse({ ...own, intent: 'run' }) });
    }
    const isPrimed = ({ first }: Twice) => isOf('already primed', first);
    const areAll = rehearsed.every(isPrimed);
    const members: RehearsedMember[] = [];
    // Where not all are there already, those that are get the new snapshot with the others.
    for (const each of rehearsed) {
      members.push(isPrimed(each) && !areAll ? await each.asRun() : each.first);
    }
    return members;
  });
