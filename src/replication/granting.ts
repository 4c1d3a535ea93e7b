import { failure, refusal, usageError, type ZferryError } from '../errors.ts';
import { bySection } from '../hosts/agent-lines.ts';
import { hostShown, onHost, type Place } from '../hosts/place.ts';
import { askHost, type Questions } from '../hosts/questions.ts';
import type { Tether } from '../hosts/tether.ts';
import { pasteable } from '../hosts/words.ts';
import { parseProperties } from '../zfs/listing.ts';
import { parentOf, poolOf, shown } from '../zfs/names.ts';
import {
  allowArguments,
  type Grant,
  missingRights,
  parseAllowed,
  primerGrants,
  receiverGrants,
  senderGrants,
} from '../zfs/rights.ts';

/** Who is to be allowed what. */
export interface GrantRequest {
  readonly place: Place;
  readonly role: 'source' | 'target';
  readonly user: string;
  /** Also for the datasets below it. */
  readonly recursive: boolean;
  readonly sudo: boolean;
  readonly sshOptions: readonly string[];
}

/** Parameters: 1 dataset, 2 the one above it, 3 user, 4 the word(s) before `zfs`. */
export const looking: Questions = {
  name: 'zferry-grant',
  lines: [
    'z() { $sudo zfs "$@"; }; dataset=$1; parent=$2; user=$3; sudo=$4;',
    'for name in zfs id; do if command -v $name >/dev/null 2>&1; then echo has $name; fi; done;',
    'name=$(id -un "$user" 2>/dev/null) && echo "user $name";',
    'echo section properties; z get -Hp -o name,property,value type "$parent" "$dataset" 2>&1;',
    'echo section snapshots; z list -H -d 1 -t snapshot -o name "$dataset" 2>/dev/null;',
  ],
};

/** Parameters: 1 the word(s) before `zfs`, 2 user, then scope, rights and dataset of each grant. */
export const applying: Questions = {
  name: 'zferry-grant',
  lines: [
    'z() { $sudo zfs "$@"; }; sudo=$1; user=$2; shift 2;',
    'while [ $# -gt 0 ]; do said=$(z allow "$1" -u "$user" "$2" "$3" 2>&1) || echo "complaint $said";',
    'echo "section allowed"; z allow "$3" 2>&1; shift 3; done;',
  ],
};

/** A user's name that goes into commands: nothing in it needs quoting, or could be read as an option or a list. */
export const parseUser = (text: string): string => {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/.test(text)) return text;
  throw usageError(
    `'${shown(text)}' is not a user name that zferry hands to zfs`,
    'write letters, digits and _ . @ + -, not beginning with . @ + or -',
  );
};

const unknownUser = ({ user, place }: GrantRequest): ZferryError =>
  refusal(
    `there is no user ${user} ${onHost(place.host)}`,
    `create the user there first, as root: useradd -m ${user}`,
  );

const missingDataset = ({ place, role }: GrantRequest): ZferryError => {
  const { dataset, host } = place;
  const where = onHost(host);
  if (role === 'source') {
    return refusal(
      `${dataset} does not exist ${where}`,
      `see what there is ${where}: zfs list -r ${pasteable([poolOf(dataset)])}`,
    );
  }
  const parent = parentOf(dataset) ?? dataset;
  return refusal(
    `neither ${dataset} nor the dataset above it exists ${where}`,
    `as root ${where}: ${pasteable(['zfs', 'create', '-p', '-o', 'canmount=off', '-o', 'readonly=on', parent])}`,
  );
};

/** Which grants are needed, by what is there. Throws a refusal where nothing is that could be granted. */
export const decideGrants = (
  request: GrantRequest,
  exists: ReadonlySet<string>,
  hasSnapshots: boolean,
): readonly Grant[] => {
  const { place, role, recursive } = request;
  const { dataset } = place;
  const parent = parentOf(dataset);
  if (role === 'source' && exists.has(dataset)) return senderGrants(dataset, recursive);
  if (role === 'target' && exists.has(dataset)) {
    return receiverGrants(dataset, { unfinished: !hasSnapshots, recursive });
  }
  if (role === 'target' && parent !== undefined && exists.has(parent)) return primerGrants(parent);
  throw missingDataset(request);
};

/** The line that root runs for a grant. */
export const grantLine = ({ user, sudo }: GrantRequest, grant: Grant): string =>
  pasteable([...(sudo ? ['sudo'] : []), 'zfs', ...allowArguments(grant, user)]);

const sudoWord = ({ sudo }: GrantRequest): string => (sudo ? 'sudo -n' : '');

/** Looks at the host and says which grants are needed. Throws what keeps it from being asked, and refusals. */
export const findGrants = async (
  request: GrantRequest,
  tether: Tether,
): Promise<readonly Grant[]> => {
  const { place, user, sshOptions } = request;
  const { dataset, host } = place;
  const parameters = [dataset, parentOf(dataset) ?? dataset, user, sudoWord(request)];
  const { lines, problem } = await askHost(host, looking, parameters, { sshOptions }, tether);
  if (problem !== undefined) throw problem;
  const sections = bySection(lines);
  const begin = sections.get('') ?? [];
  if (!begin.includes('has zfs')) throw failure(`there is no zfs command ${onHost(host)}`);
  const properties = sections.get('properties') ?? [];
  const rows = properties.filter((line) => line.includes('\t'));
  const complaint = properties.find((line) => !/\t|does not exist|no such pool/.test(line));
  if (complaint !== undefined) throw failure(`zfs ${onHost(host)}: ${complaint}`);
  const grants = decideGrants(
    request,
    new Set(parseProperties(rows).keys()),
    (sections.get('snapshots') ?? []).length > 0,
  );
  if (!begin.some((line) => line.startsWith('user '))) throw unknownUser(request);
  return grants;
};

const notAllowed = (request: GrantRequest, complaint: string): ZferryError => {
  const { host } = request.place;
  const said = host.kind === 'here' ? complaint : `${hostShown(host)}: ${complaint}`;
  return /permission denied|not permitted/i.test(said)
    ? failure(said, 'only root can: call it as root, there as root@host, or with --sudo')
    : failure(said);
};

/** Gives the grants, and makes sure that they are there. Throws a failure in zfs's words. */
export const applyGrants = async (
  request: GrantRequest,
  grants: readonly Grant[],
  tether: Tether,
): Promise<void> => {
  const { place, user, sshOptions } = request;
  const words = grants.flatMap(({ scope, rights, dataset }) => [scope, rights.join(','), dataset]);
  const parameters = [sudoWord(request), user, ...words];
  const { lines, problem } = await askHost(
    place.host,
    applying,
    parameters,
    { sshOptions },
    tether,
  );
  if (problem !== undefined) throw problem;
  const complaint = lines.find((line) => line.startsWith('complaint '));
  if (complaint !== undefined) throw notAllowed(request, complaint.slice('complaint '.length));
  for (const grant of grants) {
    const missing = missingRights(grant, parseAllowed(grant.dataset, lines, { user, groups: [] }));
    if (missing.length > 0) {
      throw failure(`${user} still lacks ${missing.join(', ')} on ${grant.dataset}`);
    }
  }
};
