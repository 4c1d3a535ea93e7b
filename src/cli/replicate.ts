import process from 'node:process';
import { asZferryError, exitCodes, failure, worstOf, type ZferryError } from '../errors.ts';
import { hostShown, recipientShown } from '../hosts/place.ts';
import type { Tether } from '../hosts/tether.ts';
import type { Entry } from '../journal/entry.ts';
import { jsonLine } from '../journal/json.ts';
import { appendToLog } from '../journal/log.ts';
import { textLine, timestamp } from '../journal/text.ts';
import { carryOut } from '../replication/carry-out.ts';
import { companyOf, type Task } from '../replication/company.ts';
import { PairBusy } from '../replication/locking.ts';
import type { Observer } from '../replication/observer.ts';
import type { Request } from '../replication/request.ts';
import type { Story } from '../replication/story.ts';
import { TreeIncomplete } from '../replication/tree/outcome.ts';
import type { OutputOptions } from './options.ts';
import {
  isWatched,
  type ProgressShown,
  printError,
  printResult,
  printStep,
  printWarning,
  progressLine,
  sharedProgressLine,
} from './terminal.ts';

/** Runs `work` with a signal that SIGINT, SIGTERM and SIGHUP abort. A second one ends the process at once. */
export const withInterrupts = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      for (const each of signals) process.off(each, onSignal);
      process.kill(process.pid, name);
    }
    controller.abort(failure(`interrupted by ${name}`));
  };
  for (const each of signals) process.on(each, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const each of signals) process.off(each, onSignal);
  }
};

/** How much `-v` asks for: 0 none, 1 the steps, 2 the processes too. */
const verbosity = ({ verbose = 0, quiet }: OutputOptions): number => (quiet ? 0 : verbose);

/** What one of the targets of a run is known by on the terminal. */
interface Face {
  /** Stands before what is said of this target; empty where it is the only one. */
  readonly prefix: string;
  readonly progress: ProgressShown;
}

const noProgress: ProgressShown = { tell: () => undefined, end: () => undefined };

/** Shows how far the streams are, each by its place among the targets. */
const progressOf = (requests: readonly Request[]): ((index: number) => ProgressShown) => {
  const [{ pair } = {}] = requests;
  const subject = pair?.source.dataset ?? '';
  return requests.length === 1
    ? () => progressLine(subject)
    : sharedProgressLine(
        subject,
        requests.map((request) => request.pair.target.typed),
      );
};

/** Prints steps, with `-vv` when they begin, in seconds since this process was started. */
const stepPrinter = (output: OutputOptions, { prefix }: Face): ((text: string) => void) => {
  const level = verbosity(output);
  if (level === 0) return () => undefined;
  const time = () => (level === 1 ? '' : `${(performance.now() / 1_000).toFixed(3)} `);
  return (text) => printStep(`${time()}${prefix}${text}`);
};

const observer = (face: Face, output: OutputOptions): Observer => ({
  step: stepPrinter(output, face),
  announce: (text) => printStep(`${face.prefix}${text}`),
  progress: face.progress.tell,
});

type Outcome = 'replicated' | ZferryError;

const entryFor = (request: Request, story: Story, outcome: Outcome, began: number): Entry => {
  const { pair, intent } = request;
  const facts = {
    time: new Date(),
    verb: intent,
    source: pair.source.dataset,
    sourceHost: pair.source.host.kind === 'here' ? undefined : hostShown(pair.source.host),
    target: pair.target.typed,
    host: hostShown(pair.target.host),
    to: recipientShown(pair.target),
    snapshot: story.snapshot,
    seconds: (performance.now() - began) / 1_000,
  };
  if (outcome instanceof PairBusy) return { ...facts, result: 'skipped', holder: outcome.holder };
  const stream = {
    kind: story.kind,
    base: story.base,
    guid: story.guid,
    bytes: story.bytes,
    compression: story.compression,
    asStored: story.asStored,
    raw: story.raw,
    carried: request.includeSnapshots.length > 0 ? (story.carried ?? 0) : story.carried,
    notes: story.notes,
    kept: story.kept.map(({ name, reason }) => `${name}: ${reason}`),
  };
  if (outcome === 'replicated') return { ...facts, ...stream, result: 'replicated' };
  const { exitCode, message, hint } = outcome;
  return { ...facts, ...stream, result: 'failed', exitCode, error: message, hint };
};

const reportFailure = (
  error: ZferryError,
  entry: Entry,
  output: OutputOptions,
  { prefix }: Face,
): number => {
  const isBusy = error instanceof PairBusy;
  if (output.json) printResult(jsonLine(entry));
  if (!isBusy || isWatched()) printError(error, prefix);
  return error.exitCode;
};

const reportSuccess = (
  entry: Entry,
  story: Story,
  output: OutputOptions,
  { prefix }: Face,
): number => {
  if (output.json) printResult(jsonLine(entry));
  else if (isWatched() && !output.quiet) printResult(textLine(entry));
  for (const { name, reason, inUse } of story.kept) {
    if (!inUse) printWarning(`${prefix}${name} could not be pruned: ${reason}`);
  }
  return exitCodes.done.code;
};

/** Nothing was done, so that the log gets no line. */
const reportPrimed = ({ pair, intent }: Request, output: OutputOptions): number => {
  const { source, target } = pair;
  if (output.json) {
    const head = { time: timestamp(new Date()), result: 'already primed', verb: intent };
    const places = {
      source: source.dataset,
      target: target.typed,
      host: hostShown(target.host),
    };
    printResult(JSON.stringify({ ...head, ...places }));
  } else if (!output.quiet) {
    printResult(`${source.dataset} is already primed on ${target.typed}`);
  }
  return exitCodes.done.code;
};

const attempt = async (
  { request, member }: Task,
  face: Face,
  story: Story,
  output: OutputOptions,
  signal: AbortSignal,
) => {
  try {
    const trace = verbosity(output) > 1 ? { trace: stepPrinter(output, face) } : {};
    const tether: Tether = { locks: [], signal, stall: request.stall, ...trace };
    return await carryOut(request, story, observer(face, output), tether, member);
  } catch (error) {
    return asZferryError(error);
  } finally {
    face.progress.end();
  }
};

/** Appends the log line; a log that cannot be written is said, and changes nothing of what was done. */
const record = (entry: Entry, { log, logFormat }: OutputOptions): void => {
  try {
    appendToLog(log, logFormat, entry);
  } catch (error) {
    printError(asZferryError(error));
  }
};

/** Each member of a tree that is not current has its own line and its own words. */
const reportMembers = (
  request: Request,
  { failures }: TreeIncomplete,
  output: OutputOptions,
  began: number,
  { prefix }: Face,
): void => {
  for (const { source, target, error, story } of failures) {
    const pair = {
      source: { ...request.pair.source, dataset: source },
      target: { ...request.pair.target, typed: target },
    };
    record(entryFor({ ...request, pair }, story, error, began), output);
    printError(error.message.includes(source) ? error : error.about(source), prefix);
  }
};

/** Runs one cycle, writes its log line and says what there is to say; answers the exit code. */
const replicateOne = async (
  task: Task,
  face: Face,
  output: OutputOptions,
  signal: AbortSignal,
): Promise<number> => {
  const { request } = task;
  const began = performance.now();
  const story: Story = { notes: [], kept: [] };
  const outcome = await attempt(task, face, story, output, signal);
  if (outcome === 'already primed') return reportPrimed(request, output);
  const entry = entryFor(request, story, outcome, began);
  record(entry, output);
  if (outcome === 'replicated') return reportSuccess(entry, story, output, face);
  if (outcome instanceof TreeIncomplete) reportMembers(request, outcome, output, began, face);
  return reportFailure(outcome, entry, output, face);
};

/**
 * Runs a cycle for each target, all side by side; each writes its log line and says what there is to say when it ends.
 * Answers the worst exit code.
 */
export const replicate = async (
  requests: readonly Request[],
  output: OutputOptions,
): Promise<number> => {
  const showsProgress = isWatched() && !output.quiet && !output.json;
  const progress = showsProgress ? progressOf(requests) : () => noProgress;
  const faceOf = ({ request }: Task, index: number): Face => ({
    prefix: requests.length === 1 ? '' : `${request.pair.target.typed}: `,
    progress: progress(index),
  });
  const tasks = companyOf(requests);
  const codes = await withInterrupts((signal) =>
    Promise.all(
      tasks.map((task, index) => replicateOne(task, faceOf(task, index), output, signal)),
    ),
  );
  return worstOf(codes);
};
