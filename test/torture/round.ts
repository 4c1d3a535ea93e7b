import { setTimeout } from 'node:timers/promises';
import { src } from '../lab/support/host.ts';
import {
  type CycleResult,
  type Entry,
  LONGEST_CYCLE_MS,
  main,
  permanent,
  run,
  second,
  start,
  type Verb,
} from './entries.ts';
import { changeChildren, restoreChildren } from './faults/children.ts';
import type { Aftermath, Fault, Scene } from './faults/fault.ts';
import { victimOf } from './faults/victim.ts';
import { accountProblems } from './judge/account.ts';
import type { Judge } from './judge/verdict.ts';
import type { Round } from './schedule.ts';
import { arm, disarm, release, sends, sprung } from './tap.ts';
import { begin, end, isTemporary } from './temporary.ts';
import { keepWorking, writeMuch } from './workload.ts';

/** How a round went. */
export interface Outcome {
  /** Cycles from the end of the fault to health. */
  readonly cycles: number;
  /** Commands of hints that were run on the way. */
  readonly hints: readonly string[];
  readonly violations: readonly string[];
  /** What the struck cycle ended with. */
  readonly struck: string;
}

/** A cycle that goes on beyond every limit of its own would stop all that come after it. */
const endOf = async (cycle: Promise<CycleResult>): Promise<CycleResult> => {
  const tooLong = setTimeout(LONGEST_CYCLE_MS + 5_000, undefined, { ref: false });
  const result = await Promise.race([cycle.catch(() => undefined), tooLong]);
  const stderr = 'no answer: the host or the cycle is gone';
  return result ?? { exitCode: -1, stdout: '', stderr, lines: [] };
};

const strikeAll = async ({ faults }: Round, scene: Scene): Promise<Aftermath[]> => {
  const aftermaths: Aftermath[] = [];
  for (const fault of faults) aftermaths.push(await fault.strike(scene));
  return aftermaths;
};

/** Runs the cycle that is struck; answers what is to be done after it, and how it ended. */
const strikeOne = async (
  round: Round,
  scene: Scene,
): Promise<{ aftermaths: readonly Aftermath[]; result: CycleResult }> => {
  const { moment, entry, verb } = round;
  // Limited, so that a stream lasts long enough to be struck.
  const options = ['--rate', '8M'] as const;
  if (moment === 'idle') {
    const aftermaths = await strikeAll(round, scene);
    return { aftermaths, result: await endOf(start(verb, entry, ...options)) };
  }
  await arm(moment);
  const cycle = start(verb, entry, ...options);
  if (await sprung(moment, cycle)) await setTimeout(round.delay);
  const aftermaths = await strikeAll(round, scene);
  await release(moment).catch(() => undefined);
  return { aftermaths, result: await endOf(cycle) };
};

const running = `pgrep -fa '^/usr/local/bin/[z]ferry|^([^ ]*/)?zfs [s]end|^sh -c .*[z]ferry-(convoy|commands|zfs)'`;

/** What the struck run started must go with it. */
const awaitProcesses = async (): Promise<readonly string[]> => {
  const { stdout } = await src.run(
    `n=0; while ${running} >/dev/null && [ $n -lt 120 ]; do n=$((n + 1)); sleep 0.25; done; ${running}`,
    { timeout: 60_000 },
  );
  return stdout === '' ? [] : [`processes outlive their run: ${stdout.trim()}`];
};

/** The commands in the hints that a cycle printed, in their order, each once. */
const hintsIn = ({ stderr }: CycleResult): readonly string[] => {
  const hints = stderr.matchAll(/^zferry: hint: (?:.*?: )?((?:zferry|zfs|zpool|ssh) .+)$/gm);
  return [...new Set([...hints].flatMap(([, command]) => command ?? []))];
};

const lastWords = ({ exitCode, stderr }: Pick<CycleResult, 'exitCode' | 'stderr'>): string =>
  `exit ${exitCode}${stderr === '' ? '' : ` ${stderr.trim().replaceAll('\n', ' | ')}`}`;

/** So many cycles may pass from the end of a fault until the pair is healthy. */
const MOST_CYCLES = 2;
/** And so often a person may have to follow what the hints of a cycle say. */
const MOST_TURNS = 3;

interface Recovery {
  readonly cycles: number;
  readonly hints: readonly string[];
  readonly problems: readonly string[];
  readonly said: string;
}

/** A person does what each hint says; answers what came of the first that did not work. */
const follow = async (commands: readonly string[], judge: Judge): Promise<readonly string[]> => {
  for (const command of commands) {
    // It says what it destroys before it acts: from here on that is no violation.
    giveUpFor(command, judge);
    const followed = await src.run(`cd / && PATH=/usr/local/bin:$PATH && ${command}`, {
      timeout: LONGEST_CYCLE_MS,
    });
    if (followed.exitCode !== 0) {
      return [`the hint '${command}' ended with ${lastWords(followed)}`];
    }
  }
  return [];
};

/** Cycles go on, and a person does what the hints say. */
const recover = async (verb: Verb, entry: Entry, judge: Judge): Promise<Recovery> => {
  const hints: string[] = [];
  let said = '';
  let turns = 0;
  for (let cycles = 1; cycles <= MOST_CYCLES + turns; cycles += 1) {
    const result = await run(verb, entry);
    const problems = accountProblems(entry, verb, result);
    if (problems.length > 0) return { cycles, hints, problems, said: lastWords(result) };
    if (result.exitCode === 0) {
      const loud = result.stderr === '' ? [] : [`not silent: ${lastWords(result)}`];
      return { cycles, hints, problems: loud, said };
    }
    said = lastWords(result);
    if (result.exitCode !== 3) continue;
    const commands = hintsIn(result);
    if (commands.length === 0 || turns === MOST_TURNS) {
      return { cycles, hints, problems: [`exit 3 without a way out: ${said}`], said };
    }
    turns += 1;
    hints.push(...commands);
    const failed = await follow(commands, judge);
    if (failed.length > 0) return { cycles, hints, problems: failed, said };
  }
  return { cycles: MOST_CYCLES, hints, problems: [`not healthy after two cycles: ${said}`], said };
};

/** The datasets that a command names: as words, or behind a host. */
const datasetsIn = (command: string): readonly string[] =>
  [...command.matchAll(/(?:^|[\s:'"])((?:tank|frail)\/[\w./-]+)/g)].map(([, name]) => name ?? '');

const giveUpFor = (command: string, { hands }: Judge): void => {
  const isLoss = /--rollback|--replace|rollback -r|zfs destroy/.test(command);
  for (const name of datasetsIn(command)) {
    if (isLoss || command.includes('--abort-partial')) hands.baseIsGone.add(name);
    if (isLoss) hands.mayLose.add(name);
  }
};

const isExpected = (
  { healing, eitherIn }: Fault,
  { shape }: Entry,
  hints: readonly string[],
): boolean =>
  healing === 'either' || eitherIn?.includes(shape) || (healing === 'person') === hints.length > 0;

/** What else the fault took the base of: every other entry of that source has to get well too. */
const recoverOthers = async (entry: Entry, judge: Judge): Promise<readonly string[]> => {
  if (judge.hands.baseIsGone.isEmpty) return [];
  const problems: string[] = [];
  const others = permanent.filter((each) => each !== entry && each.source === entry.source);
  for (const other of others) problems.push(...(await recover('run', other, judge)).problems);
  return problems;
};

/** What the judge finds once the pair is said to be healthy. */
const examine = async (
  { entry, faults }: Round,
  judge: Judge,
  { hints }: Recovery,
  isLate: boolean,
): Promise<readonly string[]> => {
  const problems = [...(await recoverOthers(entry, judge))];
  // What a hint's command announced and did is no violation; from here on everything is.
  if (judge.hands.hasExceptions) problems.push(...(await judge.look()));
  judge.hands.settle();
  problems.push(...(await judge.afterSuccess(entry)));
  if (isLate) problems.push('what had been received was sent again');
  for (const fault of faults) {
    if (!isExpected(fault, entry, hints)) {
      problems.push(`expected healing by ${fault.healing}; hints: ${hints.join('; ') || 'none'}`);
    }
  }
  return problems;
};

/** What a cycle meets: much to send, and sometimes another tree than the last one did. */
const prepare = async (
  { faults, entry, verb, mebibytes, changesChildren, number, member, chance }: Round,
  { hands }: Judge,
): Promise<Scene> => {
  await keepWorking();
  if (isTemporary(entry)) await begin(entry, verb);
  if (changesChildren) await changeChildren(number, hands);
  const leavesOnly = faults.some((fault) => fault.leavesOnly === true);
  const victim = await victimOf(entry, member, leavesOnly);
  await writeMuch(entry, mebibytes);
  await disarm();
  return { entry, victim, verb, hands, chance, number };
};

/** Runs of a crowd write into one log: whose line is whose nobody knows. */
const isCrowd = ({ faults }: Round): boolean => faults.some(({ name }) => name.includes('runs at'));

/** One round: a cycle is struck, the fault ends, cycles go on, and the judge looks after every step. */
export const play = async (round: Round, judge: Judge): Promise<Outcome> => {
  const { entry, verb } = round;
  const scene = await prepare(round, judge);
  const { aftermaths, result } = await strikeOne(round, scene);
  // What came last stands in the way of what came before: a pool that was exported, say, of all in it
  for (const { heal } of aftermaths.toReversed()) await heal?.();
  await keepWorking();
  await disarm();
  const violations = [...(await awaitProcesses()), ...(await judge.look())];
  if (result.exitCode === -1) violations.push(lastWords(result));
  if (!isCrowd(round)) violations.push(...accountProblems(entry, verb, result));

  const tokens = await judge.resumable(entry);
  const recovery = await recover(verb, entry, judge);
  violations.push(...recovery.problems);
  if (recovery.problems.length === 0) {
    // The token itself may be a later one: an old receive may have gone on after the judge had looked.
    const resumed = (await sends()).filter((line) => line.includes(' -t ')).length;
    const isLate = recovery.hints.length === 0 && resumed < tokens;
    violations.push(...(await examine(round, judge, recovery, isLate)));
    const tidy = aftermaths.flatMap((aftermath) => aftermath.tidy ?? []);
    for (const each of tidy) await each();
    const isChanged = entry.shape === 'tree' && (await restoreChildren(judge.hands));
    const isOrdinary = verb === 'run' && resumed === 0 && tidy.length === 0 && !isChanged;
    violations.push(...(await steady(round, judge, isOrdinary)));
    if (isTemporary(entry)) await end(entry, judge.hands);
  }
  return {
    cycles: recovery.cycles,
    hints: recovery.hints,
    violations,
    struck: lastWords(result),
  };
};

/** So often the second pair has its turn. */
const TURNS_OF_SECOND = 1 / 3;

/** Ordinary cycles, where the last one was none, after which nothing may be left over. */
const steady = async (
  { entry, chance }: Round,
  judge: Judge,
  isOrdinary: boolean,
): Promise<readonly string[]> => {
  judge.released();
  const problems: string[] = [];
  const isFilesystem = entry.shape === 'filesystem';
  const due = [
    ...(isOrdinary ? [] : [entry]),
    ...(isFilesystem && entry !== main ? [main] : []),
    ...(isFilesystem && chance < TURNS_OF_SECOND ? [second] : []),
  ];
  for (const each of due) {
    const result = await run('run', each);
    if (result.exitCode !== 0) problems.push(`then ${each.log}: ${lastWords(result)}`);
    problems.push(...accountProblems(each, 'run', result));
  }
  if (due.length > 0) problems.push(...(await judge.look()));
  return [...problems, ...(await judge.leftovers([...due, entry]))];
};
