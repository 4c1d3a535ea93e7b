import { src } from './host.ts';
import { sh } from './quote.ts';
import type { Result } from './result.ts';
import { wrapTools } from './tools.ts';

/** Runs something on src with these tools in front of its PATH, and tells how often another host let it in. */
export const countingLogins = async (
  run: (tools: string) => Promise<Result>,
): Promise<Result & { readonly logins: number }> => {
  const tools = await wrapTools({ ssh: 'exec $real -v -E "${0%/*}/log" "$@"' });
  const result = await run(tools);
  const logins = await src.ok(sh`grep -c '^Authenticated to' ${`${tools}/log`} || true`);
  return { ...result, logins: Number(logins) };
};
