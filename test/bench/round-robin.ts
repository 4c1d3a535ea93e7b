import process from 'node:process';
import { type Host, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';
import { assertArrived, type Compressor, type Contender, isThere, type Way } from './contenders.ts';
import { type Cost, canCount, counted, timed } from './measure.ts';
import { destroyWays, makeWays } from './ways.ts';

/** One contender's figures. */
export interface Row {
  readonly name: string;
  /** Of each round. */
  readonly seconds: readonly number[];
  readonly cost: Cost | undefined;
}

/** One scenario of cycles: what each contender gets, and how often. */
export interface Course {
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly compressor: Compressor;
  /** Makes the source of one contender what the scenario needs, and the target too where it is not primed. */
  readonly prepare: (way: Way, contender: Contender) => Promise<void>;
  readonly isPrimed: boolean;
  /** Happens before each cycle. */
  readonly change: (way: Way) => Promise<void>;
  /** How many targets the source has; their cycles run at the same time. */
  readonly targets: number;
}

/** A contender with datasets of its own. */
export interface Lane {
  readonly contender: Contender;
  readonly ways: readonly Way[];
}

/** All at once, as several crontab lines of one minute start them. */
const together = (commands: readonly string[]): string =>
  commands.length === 1
    ? commands.join()
    : `${commands.map((command) => `{ ${command}; } &`).join(' ')} for job in $(jobs -p); do wait $job || exit 1; done`;

const settle = (): Promise<string> => src.ok('zpool sync; sync');

/** Makes the datasets of all contenders; they stay until the next scenario begins. */
export const lanesOf = async (course: Course): Promise<readonly Lane[]> => {
  const lanes: Lane[] = [];
  await destroyWays();
  for (const contender of course.contenders) {
    if (!(await isThere(contender))) continue;
    const ways = await makeWays(course.targets);
    for (const way of ways) {
      await course.prepare(way, contender);
      if (course.isPrimed) await timed(contender.prime(way, course.compressor), contender.host);
    }
    lanes.push({ contender, ways });
  }
  return lanes;
};

/** Cycles of all contenders in turn (A B C A B C ...), after one round that does not count. */
export const race = async (lanes: readonly Lane[], course: Course): Promise<readonly Row[]> => {
  /** The next cycle, prepared; `measure` runs it. */
  const cycle = async <T>(
    { contender, ways }: Lane,
    measure: (command: string, host: Host) => Promise<T>,
  ): Promise<T> => {
    for (const way of ways.slice(0, 1)) await course.change(way);
    await settle();
    const command =
      contender.cycleOfAll?.(ways, course.compressor) ??
      together(ways.map((way) => contender.cycle(way, course.compressor)));
    const measured = await measure(command, contender.host);
    for (const way of ways) await assertArrived(way, course.targets);
    return measured;
  };
  const figures = lanes.map((lane) => ({ lane, seconds: [] as number[] }));
  for (let round = 0; round <= course.rounds; round += 1) {
    for (const { lane, seconds } of figures) {
      const took = await cycle(lane, timed);
      if (round > 0) seconds.push(took);
      // A long run shows that it lives
      process.stderr.write(`${round}: ${lane.contender.name} ${took.toFixed(2)} s\n`);
    }
  }
  const rows: Row[] = [];
  for (const { lane, seconds } of figures) {
    const isCounted = await canCount(lane.contender.host);
    const cost = isCounted ? await cycle(lane, counted) : undefined;
    rows.push({ name: lane.contender.name, seconds, cost });
  }
  return rows;
};

/** The same with datasets of its own. */
export const roundRobin = async (course: Course): Promise<readonly Row[]> =>
  race(await lanesOf(course), course);

/** A few small files, of new content each time. */
export const smallChange = async ({ source }: Way): Promise<void> => {
  await src.ok(sh`cd /${source} && for i in 1 2 3; do head -c 20000 /dev/urandom >small-$i; done`);
};
