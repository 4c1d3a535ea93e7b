import { type Command, Option } from 'commander';
import { exitCodes, usageError } from '../errors.ts';
import { onHost, type Place, parseSource } from '../hosts/place.ts';
import type { GrantRequest } from '../replication/granting.ts';
import { parentOf } from '../zfs/names.ts';
import { sshOption } from './options.ts';
import { printResult, printStep } from './terminal.ts';

interface GrantOptions {
  readonly source?: boolean;
  readonly target?: boolean;
  readonly recursive?: boolean;
  readonly apply?: boolean;
  readonly sudo?: boolean;
  readonly sshOption?: readonly string[];
}

const examples = `
Examples:
  zferry grant tank/vm alice                        what alice needs to send it
  zferry grant --apply root@backup:tank/vm alice    gives alice what receiving there needs`;

const oneMinute = 60_000;

/** A dataset on another host is where replicas go, one here what they are of, unless the person says otherwise. */
const roleOf = ({ host }: Place, { source, target }: GrantOptions): GrantRequest['role'] => {
  if (source === true) return 'source';
  return target === true || host.kind === 'remote' ? 'target' : 'source';
};

const requestOf = (place: Place, user: string, options: GrantOptions): GrantRequest => {
  const role = roleOf(place, options);
  if (role === 'target' && parentOf(place.dataset) === undefined) {
    throw usageError(
      `the target ${place.typed} is the root of a pool, which would need a forced receive`,
    );
  }
  return {
    place,
    role,
    user,
    recursive: options.recursive ?? false,
    sudo: options.sudo ?? false,
    sshOptions: options.sshOption ?? [],
  };
};

const perform = async (placeText: string, userText: string, options: GrantOptions) => {
  const place = parseSource(placeText);
  const [{ applyGrants, findGrants, grantLine, parseUser }, { withInterrupts }] = await Promise.all(
    [import('../replication/granting.ts'), import('./replicate.ts')],
  );
  const request = requestOf(place, parseUser(userText), options);
  const where = onHost(place.host);
  await withInterrupts(async (signal) => {
    const tether = { locks: [], signal, stall: oneMinute };
    const grants = await findGrants(request, tether);
    if (options.apply === true) await applyGrants(request, grants, tether);
    printStep(options.apply === true ? `done ${where}:` : `to be run as root ${where}:`);
    for (const grant of grants) printResult(grantLine(request, grant));
  });
};

/** `zferry grant`. */
export const addGrant = (program: Command, help: string, end: (code: number) => void): void => {
  program
    .command('grant')
    .summary('prints the zfs allow lines that a user who is not root needs')
    .description(
      'Prints the zfs allow lines that a user who is not root needs to replicate from a source, or to receive a target: the least that works. A dataset on this host is a source, one on another host a target.',
    )
    .argument('<place>', 'the source or the target: pool/dataset, or [user@]host:pool/dataset')
    .argument('<user>', 'a user of that host')
    .addOption(
      new Option('--source', 'the dataset is a source, wherever it is').conflicts('target'),
    )
    .option('--target', 'the dataset is a target, wherever it is')
    .option('-r, --recursive', 'for the datasets below it, too')
    .option('--apply', 'run the lines, there as the user that ssh logs in')
    .option('--sudo', 'run zfs through sudo -n')
    .addOption(sshOption())
    .addHelpText('after', examples + help)
    .action(async (place: string, user: string, options: GrantOptions) => {
      await perform(place, user, options);
      end(exitCodes.done.code);
    });
};
