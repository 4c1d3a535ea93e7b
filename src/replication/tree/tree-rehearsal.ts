import { asZferryError, ZferryError } from '../../errors.ts';
import type { SourceConnection } from '../../hosts/source-connection.ts';
import type { Tether } from '../../hosts/tether.ts';
import { looking, type Rehearsal, rehearseCycle } from '../rehearsal.ts';
import type { Request, Tree } from '../request.ts';
import { memberRequest, membersOf } from './members.ts';
import { factsOf, isNewHere, listTree } from './sight.ts';

/** What a run for a tree would do with one of its datasets, or why it would not. */
export interface RehearsedMember {
  readonly request: Request;
  readonly outcome: Rehearsal | ZferryError;
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
    const coming = new Set<string>();
    const rehearsed: RehearsedMember[] = [];
    for (const member of membersOf(request.pair, tree, listings.keys())) {
      const source = listings.get(member.pair.source.dataset);
      if (source === undefined) continue;
      const own = memberRequest(request, member, isNewHere(source, id));
      const there = factsOf(facts, member, coming);
      const rehearsal = rehearseCycle(own, { ...sight, facts: there, source });
      const outcome = await rehearsal.catch(asZferryError);
      const isFull = !(outcome instanceof ZferryError) && outcome.kind === 'full';
      if (isFull) coming.add(member.pair.target.dataset);
      rehearsed.push({ request: own, outcome });
    }
    return rehearsed;
  });
