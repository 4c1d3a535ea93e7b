import { failure, type ZferryError } from '../errors.ts';
import type { MemberInstruction } from '../hosts/agent-instructions.ts';
import { hostShown, nameOn } from '../hosts/place.ts';
import type { ReceiveReport } from '../hosts/receive-report.ts';
import type { TargetDataset } from '../hosts/target-facts.ts';
import type { Snapshot, SourceTraits } from '../zfs/listing.ts';
import { markProperty } from '../zfs/marks.ts';
import { shown, snapshotName } from '../zfs/names.ts';
import { baseName, type Stream, sendArguments } from '../zfs/send.ts';
import { saysChanged } from './cause.ts';
import type { Delivery } from './delivery.ts';
import { staysPlain } from './encryption.ts';
import { onTarget } from './hints.ts';
import { largeBlocksProblem } from './large-blocks.ts';
import { changed } from './plan.ts';
import { keptProperties, unreceivedProperties } from './properties.ts';
import { pruneTarget, replacedBases } from './pruning.ts';
import type { Request } from './request.ts';
import { retract } from './retract.ts';
import type { Arrival } from './situation.ts';
import { kept } from './snapshot.ts';
import type { Story } from './story.ts';
import { stuckPartial } from './stuck.ts';
import { type Transfer, type TransferResult, transfer } from './transfer.ts';
import type { Wire } from './wire.ts';

const kindOf = ({ kind }: Stream): NonNullable<Story['kind']> => {
  if (kind === 'resume') return 'resumed';
  return kind === 'clone' ? 'full' : kind;
};

/** Tells what is about to be sent. */
export const tellStory = (
  story: Story,
  { pair }: Request,
  delivery: Delivery,
  { compression, note }: Wire,
): void => {
  const { stream, sent, notes } = delivery;
  // What is carried over comes first.
  const { base, stream: first } = delivery.before[0] ?? delivery;
  story.snapshot = sent.label;
  story.guid = sent.guid;
  story.kind = kindOf(first);
  story.compression = compression;
  story.asStored = stream.asStored;
  story.raw = stream.raw;
  story.notes.push(...notes);
  if (base !== undefined) story.base = baseName(pair.source.dataset, base);
  if (note !== undefined && !story.notes.includes(note)) story.notes.push(note);
};

/** Snapshots that the target is known to have: all that it has, or the one that it was asked about. */
const knownThere = ({ target }: Pick<Delivery, 'target'>): readonly Snapshot[] => {
  if (target === undefined) return [];
  if (!('named' in target)) return target.snapshots;
  return target.named === undefined ? [] : [target.named];
};

/** What kind of receive a stream of that kind is for the target. */
export const receiveMode = (
  { type }: Pick<SourceTraits, 'type'>,
  kind: Stream['kind'],
  target: Pick<TargetDataset, 'snapshots'> | undefined,
): MemberInstruction['mode'] => {
  const isBegun = target !== undefined && target.snapshots.length > 0;
  if (kind === 'incremental' || isBegun) return 'incremental';
  return type === 'volume' ? 'volume' : 'full';
};

/** A property that the receive was to set and could not: zfs says so in passing, and ends with 0. */
const unsetProperty = (request: Request, { said }: ReceiveReport): ZferryError | undefined => {
  const { dataset, host } = request.pair.target;
  const line = said.find((each) => /^cannot receive (canmount|readonly) property on /.test(each));
  const property = { canmount: 'canmount=noauto', readonly: 'readonly=on' }[
    line?.split(' ')[2] ?? ''
  ];
  return line === undefined || property === undefined
    ? undefined
    : failure(
        `${hostShown(host)}: ${line}`,
        `set it there, as one who may: ${onTarget(request, 'zfs', 'set', property, dataset)}`,
      );
};

/** Why the target cannot be called current although every process ended well; undefined where it is. */
const unverified = (
  request: Request,
  { sent }: Delivery,
  report: ReceiveReport,
): ZferryError | undefined => {
  const { pair } = request;
  const host = hostShown(pair.target.host);
  const arrived = report.snapshots.get(sent.label);
  const renamed = [...(report.others ?? [])].find(([, guid]) => guid === sent.guid)?.[0];
  if (renamed !== undefined) {
    return failure(`@${sent.label} arrived on ${host}, but is called @${shown(renamed)} there now`);
  }
  if (arrived === undefined) return failure(`@${sent.label} did not arrive on ${host}`);
  if (arrived !== sent.guid) {
    return failure(
      `@${sent.label} on ${host} has another guid (${arrived}) than the source has (${sent.guid})`,
    );
  }
  const unset = unsetProperty(request, report);
  if (unset !== undefined) return unset;
  return report.readonly
    ? undefined
    : failure(`${pair.target.dataset} on ${host} is not read-only`);
};

/** What the target is to do with the stream. */
export const instructionFor = ({ request, id }: Arrival, delivery: Delivery): MemberInstruction => {
  const { stream, source, sent, replaced, isCargo } = delivery;
  const snapshots = knownThere(delivery);
  const mode = receiveMode(source, stream.kind, { snapshots });
  return {
    mode,
    // One that is to be completed is plain already.
    isPlain: ['full', 'clone'].includes(stream.kind) && staysPlain(request, source),
    keeps: keptProperties(request, source, id, mode),
    label: sent.label,
    guid: sent.guid,
    // What is carried over replaces nothing.
    prune: isCargo
      ? []
      : pruneTarget({
          snapshots,
          series: request.series,
          sent,
          replaced: replacedBases({ source, target: id, sent, replaced }),
          policy: request.keepTarget,
          now: new Date(),
        }),
  };
};

/**
 * Makes sure that what was sent arrived, by what the target reports; `error` is what went wrong with the transfer.
 * Throws what is wrong. What was made for a delivery that never arrived is destroyed then.
 */
export const conclude = async (
  situation: Arrival,
  delivery: Delivery,
  { prune, keeps }: MemberInstruction,
  { error, report }: Pick<TransferResult, 'error' | 'report'>,
): Promise<void> => {
  const { request, zfs, story, share, tether } = situation;
  const { target: there } = request.pair;
  const { sent, target, replaced, made } = delivery;
  // A foreign snapshot on top of a change hides it from the plan; zfs receive finds it.
  const refused = target !== undefined && saysChanged(report);
  const problem = refused
    ? changed(request, replaced, { snapshots: knownThere(delivery) })
    : (error ?? unverified(request, delivery, report));
  if (problem !== undefined) {
    // The target was seen to have nothing of it: then nobody needs what was made to send it. What arrived
    // stays, whatever went wrong besides: the base that it replaced may be pruned there already.
    const isMissing =
      report.others !== undefined && ![...report.others.values()].includes(sent.guid);
    const isUnused = report.seen && report.resumeToken === undefined && isMissing;
    const left = isUnused && !tether.signal.aborted ? await share.takeBack(zfs, made) : [];
    story.kept = [...story.kept, ...left];
    const unlike = await largeBlocksProblem(situation, delivery, report, problem);
    throw unlike ?? (await stuckPartial(situation, delivery, report, problem)) ?? problem;
  }
  if (delivery.isCargo) story.carried = (story.carried ?? 0) + 1;
  story.notes.push(...unreceivedProperties(report, keeps));
  if (report.marked !== undefined) {
    const name = `${markProperty} of ${nameOn(there.host, `${there.dataset}@${sent.label}`)}`;
    story.kept = [...story.kept, kept(name, report.marked)];
  }
  const reasons = new Map(report.pruned.map(({ label, error: reason }) => [label, reason]));
  const stays = prune.flatMap(({ label }) => {
    const reason = reasons.get(label);
    const name = nameOn(there.host, `${there.dataset}@${label}`);
    return reason === undefined ? [] : [kept(name, reason)];
  });
  story.kept = [...story.kept, ...stays];
};

/**
 * Sends, and makes sure that it arrived; answers what the target was told. Throws what went wrong; a stream that never
 * began leaves nothing. `onVerified` is called as soon as the target has the new snapshot, verified, while it still
 * prunes: no matter how its session ends, that is the base from then on.
 */
export const deliver = async (
  situation: Arrival,
  delivery: Delivery,
  wire: Wire,
  onVerified: () => void = () => undefined,
): Promise<MemberInstruction> => {
  const { request, session, from, story, observer, tether } = situation;
  const { pair } = request;
  const { stream, sent, made } = delivery;
  tellStory(story, request, delivery, wire);
  observer.step(`sending ${snapshotName(pair.source.dataset, sent.label)}`);
  const instruction = instructionFor(situation, delivery);
  const work: Transfer = {
    target: pair.target,
    sender: from.sender(sendArguments(pair.source.dataset, stream), wire.compression, tether),
    instruction: { ...instruction, compression: wire.compression },
    limiter: wire.limiter,
    onProgress: observer.progress,
    onArrived: (report) => {
      if (unverified(request, delivery, report) === undefined) onVerified();
    },
  };
  // Whatever throws here threw before the first byte.
  const result = await transfer(session, work, tether).catch((reason: unknown) =>
    retract(situation, tether.signal.aborted ? [] : made, reason),
  );
  story.bytes = result.bytes;
  await conclude(situation, delivery, instruction, result);
  return instruction;
};
