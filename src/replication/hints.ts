import { commandOn } from '../hosts/command-on.ts';
import { hostShown } from '../hosts/place.ts';
import { pasteable } from '../hosts/words.ts';
import { allowArguments, type Grant } from '../zfs/rights.ts';
import type { Pair, Request, Tree } from './request.ts';

/** A command for a person to run on the target's host, in a form that any shell there takes. */
export const onTarget = (
  { pair, sudo, sshOptions }: Request,
  ...command: readonly string[]
): string => commandOn(pair.target.host, { sudo, sshOptions }, command);

const treeWords = ({ exclude, maxDepth }: Tree): readonly string[] => [
  '--recursive',
  ...exclude.flatMap((pattern) => ['--exclude', pattern]),
  ...(maxDepth === undefined ? [] : ['--max-depth', String(maxDepth)]),
];

/**
 * A command for a person to run here: without the options that it took to get through, it would not.
 * (`--persist` is none of them: it is for the cycles that follow each other.)
 */
export const zferry = (
  { self, pair, tree, sudo, sshOptions, replace, decrypt, properties, includeSnapshots }: Request,
  verb: string,
  ...options: readonly string[]
): string => {
  const access = [
    // One dataset is replaced at a time.
    ...(tree === undefined || options.includes('--replace') ? [] : treeWords(tree)),
    // A hint for `prime --replace` is one that goes on with it.
    ...(replace && verb === 'prime' && !options.includes('--replace') ? ['--replace'] : []),
    // What a first send leaves behind cannot follow later.
    ...(verb === 'prime'
      ? includeSnapshots.flatMap((pattern) => ['--include-snapshots', pattern])
      : []),
    ...(decrypt ? ['--decrypt'] : []),
    ...(properties ? ['--properties'] : []),
    ...(sudo ? ['--sudo'] : []),
    ...sshOptions.flatMap((option) => ['--ssh-option', option]),
  ];
  return pasteable([self, verb, ...options, ...access, pair.source.typed, pair.target.typed]);
};

/** What a person does where no increment will ever fit. */
export const sendAnew = (request: Request): string =>
  `send it anew; the old replica is destroyed once the new one is verified: ${zferry(request, 'prime', '--replace')}`;

/** The lines of `zfs allow` for a person to run as root, in one. */
export const allowLines = (grants: readonly Grant[], user: string): string =>
  grants.map((grant) => pasteable(['zfs', ...allowArguments(grant, user)])).join(' && ');

/** The target as messages name it. */
export const where = ({ target }: Pair): string => `${target.dataset} on ${hostShown(target.host)}`;
