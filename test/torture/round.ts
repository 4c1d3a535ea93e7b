import { setTimeout } from 'node:timers/promises';
import { src } from '../lab/support/host.ts';
import type { Result } from '../lab/support/ssh.ts';
import type { Aftermath, Healing } from './faults/fault.ts';
import type { Judge } from './judge/verdict.ts';
import {
  LONGEST_CYCLE_MS,
  main,
  permanent,
  run,
  second,
  start,
  type Target,
  type Verb,
} from './pairs.ts';
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
const endOf = async (cycle: Promise<Result>): Promise<Result> => {
  const tooLong = setTimeout(LONGEST_CYCLE_MS + 5_000, undefined, { ref: false });
  const result = await Promise.race([cycle.catch(() => undefined), tooLong]);
  return result ?? { exitCode: -1, stdout: '', stderr: 'no answer: the host or the cycle is gone' };
};

const strikeAll = async (
  { faults, chance, target, verb }: Round,
  judge: Judge,
): Promise<Aftermath[]> => {
  const scene = { target, verb, hands: judge.hands, chance };
  const aftermaths: Aftermath[] = [];
  for (const fault of faults) aftermaths.push(await fault.strike(scene));
  return aftermaths;
};

/** Runs the cycle that is struck; answers what is to be done after it, and how it ended. */
const strikeOne = async (
  round: Round,
  judge: Judge,
): Promise<{ aftermaths: readonly Aftermath[]; result: Result }> => {
  const { moment, target, verb } = round;
  // Limited, so that a stream lasts long enough to be struck.
  const options = ['--rate', '8M'] as const;
  if (moment === 'idle') {
    const aftermaths = await strikeAll(round, judge);
    return { aftermaths, result: await endOf(start(verb, target, ...options).done) };
  }
  await arm(moment);
  const cycle = start(verb, target, ...options);
  if (await sprung(moment, cycle.done)) await setTimeout(round.delay);
  const aftermaths = await strikeAll(round, judge);
  await release(moment).catch(() => undefined);
  return { aftermaths, result: await endOf(cycle.done) };
};

const running = `pgrep -fa '^/usr/local/bin/[z]ferry|^([^ ]*/)?zfs [s]end'`;

/** What the struck run started must go with it. */
const awaitProcesses = async (): Promise<readonly string[]> => {
  const { stdout } = await src.run(
    `n=0; while ${running} >/dev/null && [ $n -lt 60 ]; do n=$((n + 1)); sleep 0.25; done; ${running}`,
    { timeout: 40_000 },
  );
  return stdout === '' ? [] : [`processes outlive their run: ${stdout.trim()}`];
};

/** The command in the hint that a cycle printed. */
const hintIn = ({ stderr }: Result): string | undefined =>
  /^zferry: hint: (?:.*?: )?((?:zferry|zfs|zpool|ssh) .+)$/m.exec(stderr)?.[1];

const lastWords = ({ exitCode, stderr }: Result): string =>
  `exit ${exitCode}${stderr === '' ? '' : ` ${stderr.trim().replaceAll('\n', ' | ')}`}`;

/** So many cycles may pass from the end of a fault until the pair is healthy. */
const MOST_CYCLES = 2;
const MOST_HINTS = 3;

interface Recovery {
  readonly cycles: number;
  readonly hints: readonly string[];
  readonly problems: readonly string[];
  readonly said: string;
}

/** Cycles go on, and a person does what the hints say. */
const recover = async (verb: Verb, target: Target, judge: Judge): Promise<Recovery> => {
  const hints: string[] = [];
  let said = '';
  for (let cycles = 1; cycles <= MOST_CYCLES + hints.length; cycles += 1) {
    const result = await run(verb, target);
    if (result.exitCode === 0) {
      const problems = result.stderr === '' ? [] : [`not silent: ${lastWords(result)}`];
      return { cycles, hints, problems, said };
    }
    said = lastWords(result);
    if (result.exitCode !== 3) continue;
    const command = hintIn(result);
    if (command === undefined || hints.length === MOST_HINTS) {
      return { cycles, hints, problems: [`exit 3 without a way out: ${said}`], said };
    }
    hints.push(command);
    // It says what it destroys before it acts: from here on that is no violation.
    giveUpFor(command, judge);
    const followed = await src.run(`cd / && PATH=/usr/local/bin:$PATH && ${command}`, {
      timeout: LONGEST_CYCLE_MS,
    });
    if (followed.exitCode !== 0) {
      return {
        cycles,
        hints,
        problems: [`the hint '${command}' ended with ${lastWords(followed)}`],
        said,
      };
    }
  }
  return { cycles: MOST_CYCLES, hints, problems: [`not healthy after two cycles: ${said}`], said };
};

const giveUpFor = (command: string, { hands }: Judge): void => {
  if (/--rollback|--replace|--abort-partial|rollback -r/.test(command)) hands.baseIsGone = true;
  if (/--rollback|--replace|rollback -r/.test(command)) hands.mayLose = true;
};

const isExpected = (healing: Healing, hints: readonly string[]): boolean =>
  healing === 'either' || (healing === 'person') === hints.length > 0;

/** What else the fault took the base of: every other pair has to get well too. */
const recoverOthers = async (target: Target, judge: Judge): Promise<readonly string[]> => {
  if (!judge.hands.baseIsGone) return [];
  const problems: string[] = [];
  for (const other of permanent.filter((each) => each !== target)) {
    problems.push(...(await recover('run', other, judge)).problems);
  }
  return problems;
};

/** What the judge finds once the pair is said to be healthy. */
const examine = async (
  { target, faults }: Round,
  judge: Judge,
  { hints }: Recovery,
  isLate: boolean,
): Promise<readonly string[]> => {
  const problems = [...(await recoverOthers(target, judge))];
  // What a hint's command announced and did is no violation; from here on everything is.
  if (judge.hands.hasExceptions) problems.push(...(await judge.look()));
  judge.hands.settle();
  problems.push(...(await judge.afterSuccess(target)));
  if (isLate) problems.push('what had been received was sent again');
  for (const { healing } of faults) {
    if (!isExpected(healing, hints)) {
      problems.push(`expected healing by ${healing}; hints: ${hints.join('; ') || 'none'}`);
    }
  }
  return problems;
};

/** One round: a cycle is struck, the fault ends, cycles go on, and the judge looks after every step. */
export const play = async (round: Round, judge: Judge): Promise<Outcome> => {
  const { target, verb, mebibytes } = round;
  await keepWorking();
  if (isTemporary(target)) await begin(target, verb);
  await writeMuch(mebibytes);
  await disarm();
  const { aftermaths, result } = await strikeOne(round, judge);
  for (const { heal } of aftermaths) await heal?.();
  await keepWorking();
  await disarm();
  const violations = [...(await awaitProcesses()), ...(await judge.look())];
  if (result.exitCode === -1) violations.push(lastWords(result));

  const token = await judge.resumable(target);
  const recovery = await recover(verb, target, judge);
  violations.push(...recovery.problems);
  if (recovery.problems.length === 0) {
    // The token itself may be a later one: an old receive may have gone on after the judge had looked.
    const hasResumed = (await sends()).some((line) => line.includes(' -t '));
    const isLate = token !== undefined && recovery.hints.length === 0 && !hasResumed;
    violations.push(...(await examine(round, judge, recovery, isLate)));
    const tidy = aftermaths.flatMap((aftermath) => aftermath.tidy ?? []);
    for (const each of tidy) await each();
    const isOrdinary = verb === 'run' && !hasResumed && tidy.length === 0;
    violations.push(...(await steady(round, judge, isOrdinary)));
    if (isTemporary(target)) await end(target, judge.hands);
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
  { target, chance }: Round,
  judge: Judge,
  isOrdinary: boolean,
): Promise<readonly string[]> => {
  judge.released();
  const problems: string[] = [];
  const due = [
    ...(isOrdinary ? [] : [target]),
    ...(target === main ? [] : [main]),
    ...(chance < TURNS_OF_SECOND ? [second] : []),
  ];
  for (const each of due) {
    const result = await run('run', each);
    if (result.exitCode !== 0) problems.push(`then ${each.dataset}: ${lastWords(result)}`);
  }
  if (due.length > 0) problems.push(...(await judge.look()));
  return [...problems, ...judge.leftovers([...due, target])];
};
