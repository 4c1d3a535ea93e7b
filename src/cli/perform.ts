import type { Request } from '../replication/request.ts';
import type { ReplicatingOptions } from './options.ts';

/**
 * Does what a replicating verb asks for; answers the exit code. What it takes is loaded only now: help, a
 * version or a wrong word must not wait for it.
 */
export const perform = async (request: Request, options: ReplicatingOptions): Promise<number> => {
  if (options.dryRun === true) {
    const { printRehearsal } = await import('./rehearse.ts');
    return await printRehearsal(request, options);
  }
  const { replicate } = await import('./replicate.ts');
  return await replicate(request, options);
};
