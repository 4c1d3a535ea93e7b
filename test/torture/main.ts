import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { dst, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';
import { wire } from '../lab/support/wire.ts';
import {
  entries,
  isVolumeChild,
  permanent,
  run,
  sourceOf,
  sources,
  treeChildren,
} from './entries.ts';
import { Hands } from './judge/ledger.ts';
import { Judge } from './judge/verdict.ts';
import { options } from './options.ts';
import {
  appendResult,
  type RoundResult,
  readResults,
  resultOf,
  summaryOf,
  tableOf,
} from './results.ts';
import { type Outcome, play } from './round.ts';
import { type Round, schedule } from './schedule.ts';
import { disarm, installTaps, removeTaps } from './tap.ts';
import { removeFrailPool } from './temporary.ts';
import { installWorkload, keepWorking, stopWorking } from './workload.ts';

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** Nothing of an earlier torture, whatever stopped that in the middle. */
const clearAway = async (): Promise<void> => {
  await wire.join();
  await wire.clear();
  await stopWorking();
  await Promise.all([src, dst].map((host) => host.run('pkill -KILL -f "[z]ferry[ -]"; true')));
  await disarm();
  await removeFrailPool();
  const byHand = ['by-hand-clone', 'judge', 'ballast', 'by-hand', 'by-hand-away'];
  const remains = [...byHand.map((name) => `tank/${name}`), ...sources];
  const destroy = (datasets: readonly string[]): string =>
    datasets.map((dataset) => sh`/usr/sbin/zfs destroy -R -f ${dataset}`).join('; ');
  const targets = entries.flatMap((entry) => entry.targets);
  const replicas = targets.flatMap(({ dataset }) => [
    dataset,
    `${dataset}.zferry_new`,
    `${dataset}.zferry_old`,
  ]);
  await dst.run(destroy([...remains, ...replicas]));
  await src.run(`${destroy(remains)}; rm -f /var/log/torture-*.log`);
};

/** Sparse, and twice as large as the longest stream. */
const makeVolume = (name: string): string => sh`/usr/sbin/zfs create -s -V 48M ${name}`;
const makeFilesystem = (name: string): string =>
  sh`/usr/sbin/zfs create ${name} && date >/${name}/file`;

const makeSources = async (): Promise<void> => {
  const filesystems = [sourceOf.filesystem, sourceOf['two targets'], sourceOf.tree];
  const children = treeChildren.map((path) => {
    const make = isVolumeChild(path) ? makeVolume : makeFilesystem;
    return make(`${sourceOf.tree}/${path}`);
  });
  const all = [...filesystems.map(makeFilesystem), makeVolume(sourceOf.volume), ...children];
  await src.ok(all.join(' && '));
};

/** Every entry primed, and the workload at work. */
const setUp = async (): Promise<void> => {
  await clearAway();
  await makeSources();
  await installTaps();
  await installWorkload();
  await keepWorking();
  for (const entry of permanent) {
    const { exitCode, stderr } = await run('prime', entry);
    if (exitCode !== 0) throw new Error(`cannot prime ${entry.log}: ${stderr}`);
  }
};

const titleOf = ({ number, entry, faults, moment, verb }: Round): string => {
  const when = moment === 'idle' ? 'between cycles' : moment.name;
  const what = faults.map(({ name }) => name).join(' + ');
  return `${number}, ${entry.shape}: ${what}, ${when}${verb === 'prime' ? ', first full send' : ''}`;
};

const verdictOf = ({ violations, hints, cycles, struck }: Outcome): string => {
  const details = [`struck: ${struck}`, ...hints.map((hint) => `hint: ${hint}`), ...violations];
  if (violations.length > 0) return `VIOLATION\n${details.map((line) => `    ${line}`).join('\n')}`;
  const by = hints.length === 0 ? 'by itself' : `by ${hints.join('; ')}`;
  return `healed ${by} (cycles: ${cycles}; struck: ${struck.slice(0, 100)})`;
};

const attempt = async (round: Round, judge: Judge): Promise<Outcome> => {
  try {
    return await play(round, judge);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { cycles: 0, hints: [], violations: [problem], struck: '' };
  }
};

const playAll = async (seed: number, rounds: readonly Round[], file: string | undefined) => {
  const results: RoundResult[] = [];
  let judge: Judge | undefined;
  for (const round of rounds) {
    if (judge === undefined) await setUp();
    judge ??= new Judge(new Hands());
    const since = Date.now();
    const outcome = await attempt(round, judge);
    const result = resultOf(seed, round, outcome);
    results.push(result);
    if (file !== undefined) appendResult(file, result);
    const seconds = Math.round((Date.now() - since) / 1000);
    say(`${titleOf(round)}: ${verdictOf(outcome)} [${seconds} s]`);
    if (options.stop && outcome.violations.length > 0) {
      say('stopped; both hosts are as the judge saw them');
      return results;
    }
    // The next round must not pay for this one: both sides are made anew.
    if (outcome.violations.length > 0) judge = undefined;
  }
  await clearAway();
  await removeTaps();
  return results;
};

/** Counts as scripts/test wants them. */
const writeReport = (results: readonly RoundResult[]): void => {
  const report = process.env['ZFERRY_TEST_REPORT'];
  if (report === undefined) return;
  const failed = results.filter(({ violations }) => violations.length > 0).length;
  writeFileSync(
    report,
    JSON.stringify({ numPassedTests: results.length - failed, numFailedTests: failed }),
  );
};

if (options.table === undefined) {
  const { seed = 1 + (Date.now() % 1_000_000), only: fault, shape } = options;
  const rounds = schedule(seed, options.rounds, { fault, shape }).slice(options.from - 1);
  say(`torture: seed ${seed}, ${rounds.length} rounds`);
  const results = await playAll(seed, rounds, options.results);
  writeReport(results);
  say(`${tableOf(results)}\n\n${summaryOf(results)}`);
  process.exit(results.some(({ violations }) => violations.length > 0) ? 1 : 0);
}
const results = readResults(options.table);
say(`${tableOf(results)}\n\n${summaryOf(results)}`);
