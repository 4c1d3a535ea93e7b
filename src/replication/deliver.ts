import { failure, type ZferryError } from '../errors.ts';
import type { ReceiveReport } from '../hosts/agent-report.ts';
import { hostShown } from '../hosts/place.ts';
import { zfsCommand } from '../hosts/zfs-command.ts';
import { snapshotName } from '../zfs/names.ts';
import { baseName, sendArguments } from '../zfs/send.ts';
import { saysChanged } from './cause.ts';
import type { ChosenCompression } from './compression.ts';
import { changed } from './plan.ts';
import type { Delivery } from './prepare.ts';
import { pruneTarget } from './pruning.ts';
import type { Request } from './request.ts';
import type { Situation } from './situation.ts';
import { destroyEach, kept } from './snapshot.ts';
import type { Story } from './story.ts';
import { transfer } from './transfer.ts';

const tellStory = (
  story: Story,
  { pair }: Request,
  { stream, sent, base }: Delivery,
  compression: ChosenCompression,
): void => {
  story.snapshot = sent.label;
  story.guid = sent.guid;
  story.kind = stream.kind === 'resume' ? 'resumed' : stream.kind;
  story.compression = compression.use;
  if (base !== undefined) story.base = baseName(pair.source.dataset, base);
  if (compression.note !== undefined) story.notes.push(compression.note);
};

/** Why the target cannot be called current although every process ended well; undefined where it is. */
const unverified = (
  { pair }: Request,
  { sent }: Delivery,
  report: ReceiveReport,
): ZferryError | undefined => {
  const host = hostShown(pair.target.host);
  const arrived = report.snapshots.get(sent.label);
  if (arrived === undefined) return failure(`@${sent.label} did not arrive on ${host}`);
  if (arrived !== sent.guid) {
    return failure(
      `@${sent.label} on ${host} has another guid (${arrived}) than here (${sent.guid})`,
    );
  }
  return report.readonly
    ? undefined
    : failure(`${pair.target.dataset} on ${host} is not read-only`);
};

/** Sends, and makes sure that it arrived. Throws what went wrong; a stream that never began leaves nothing. */
export const deliver = async (
  { request, session, zfs, story, observer, tether }: Situation,
  delivery: Delivery,
  compression: ChosenCompression,
): Promise<void> => {
  const { pair, series, keepTarget, rate, sudo } = request;
  const { stream, sent, target, replaced, made } = delivery;
  tellStory(story, request, delivery, compression);
  observer.step(`sending ${snapshotName(pair.source.dataset, sent.label)}`);
  const { error, report, bytes } = await transfer(
    session,
    {
      target: pair.target,
      send: zfsCommand(sudo, sendArguments(pair.source.dataset, stream)),
      instruction: {
        mode: target === undefined || target.snapshots.length === 0 ? 'full' : 'incremental',
        compression: compression.use,
        label: sent.label,
        guid: sent.guid,
        prune: pruneTarget(target?.snapshots ?? [], series, sent, replaced, keepTarget),
      },
      rate,
      onProgress: observer.progress,
    },
    tether,
  );
  story.bytes = bytes;
  // A foreign snapshot on top of a change hides it from the plan; zfs receive finds it.
  const refused = target !== undefined && saysChanged(report);
  const problem = refused
    ? changed(request, replaced, target)
    : (error ?? unverified(request, delivery, report));
  if (problem !== undefined) {
    // The target says that it has nothing of it: then nobody needs what was made to send it.
    const isUnused = report.complete && report.resumeToken === undefined;
    const left = isUnused && !tether.signal.aborted ? await destroyEach(zfs, made) : [];
    story.kept = left;
    throw problem;
  }
  story.kept = report.pruned.flatMap(({ label, error: reason }) =>
    reason === undefined
      ? []
      : [kept(`${hostShown(pair.target.host)}:${pair.target.dataset}@${label}`, reason)],
  );
};
