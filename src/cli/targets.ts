import { usageError } from '../errors.ts';
import { isInside, isSameHost, isSamePlace, type Place } from '../hosts/place.ts';
import type { Request } from '../replication/request.ts';
import { type ReplicatingOptions, requestFor } from './options.ts';

/** That many streams side by side are as many as a source's disks can bear. */
const mostTargets = 32;

/** The argument of a verb, in its help. */
export const targetWords = `[user@]host, [user@]host:pool/dataset, or pool/dataset on this host; up to ${mostTargets}`;

/** Why one of them is none for that source, as far as words can tell. Throws a usage error. */
const checkPlaces = (source: Place, target: Place, options: ReplicatingOptions): void => {
  // Behind another port, or with options for ssh, localhost may be the end of a tunnel.
  const isByWords = target.host.kind === source.host.kind || options.sshOption === undefined;
  if (!(isByWords && isSameHost(source.host, target.host))) return;
  const [here, there] = [source.dataset, target.dataset];
  const hint = 'name another dataset or another host';
  if (here === there) throw usageError(`${target.typed} is the source itself`, hint);
  if (isInside(there, here)) {
    throw usageError(`the target ${target.typed} is inside its own source ${source.typed}`, hint);
  }
  if (isInside(here, there)) {
    throw usageError(`the source ${source.typed} is inside its own target ${target.typed}`, hint);
  }
};

const checkTwice = (targets: readonly Place[]): void => {
  for (const [index, target] of targets.entries()) {
    const earlier = targets.slice(0, index).find((other) => isSamePlace(other, target));
    if (earlier === undefined) continue;
    const also = earlier.typed === target.typed ? '' : `, once as ${earlier.typed}`;
    throw usageError(`the target ${target.typed} is named twice${also}`, 'name each target once');
  }
};

/** A tree claims all below its target. */
const checkNested = (targets: readonly Place[]): void => {
  for (const inner of targets) {
    const outer = targets.find(
      (other) => isSameHost(inner.host, other.host) && isInside(inner.dataset, other.dataset),
    );
    if (outer === undefined) continue;
    throw usageError(
      `the target ${inner.typed} is inside another one, ${outer.typed}`,
      'give each copy of a tree a place of its own',
    );
  }
};

/** Makes a request for each target that was typed. Throws usage errors. */
export const requestsFor = (
  intent: Request['intent'],
  source: string,
  targets: readonly string[],
  options: ReplicatingOptions,
): readonly Request[] => {
  if (targets.length > mostTargets) {
    throw usageError(
      `${targets.length} targets in one command; there can be ${mostTargets}`,
      'write a second crontab line for the others',
    );
  }
  const requests = targets.map((target) => requestFor(intent, source, target, options, 'zferry'));
  const places = requests.map(({ pair }) => pair.target);
  checkTwice(places);
  if (requests.some(({ tree }) => tree !== undefined)) checkNested(places);
  for (const { pair } of requests) checkPlaces(pair.source, pair.target, options);
  return requests;
};
