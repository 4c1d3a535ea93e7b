import type { Request } from '../replication/request.ts';
import type { ReplicatingOptions } from './options.ts';

/**
 * Does what a replicating verb asks for, for all targets side by side; answers the worst exit code. What it takes is
 * loaded only now: help, a version or a wrong word must not wait for it.
 */
export const perform = async (
  requests: readonly Request[],
  options: ReplicatingOptions,
): Promise<number> => {
  if (options.dryRun === true) {
    const { printRehearsals } = await import('./rehearse.ts');
    return await printRehearsals(requests, options);
  }
  const { replicate } = await import('./replicate.ts');
  return await replicate(requests, options);
};
