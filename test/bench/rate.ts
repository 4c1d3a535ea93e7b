import { dst, src } from '../lab/support/host.ts';
import { without } from '../lab/support/programs.ts';
import { sh } from '../lab/support/quote.ts';
import { wire as network } from '../lab/support/wire.ts';
import { assertArrived, type Way, zferry } from './contenders.ts';
import { atMost, type Goal, median, type Section, table, two } from './figures.ts';
import { type Recording, recordOnTerminal, type Sample } from './terminal-recording.ts';
import { destroyWays, makeWays } from './ways.ts';

const MIB = 2 ** 20;

/** Bytes a second, and how the option writes it. */
const RATE = { bytes: 5 * MIB, option: '5M' } as const;
/** A wire of about the same speed, kbit/s. */
const SLOW_WIRE = 42_000;
const SPAN = 30;
/** Lasts for some spans of that length. */
const SIZE = 200 * MIB;
/** More than all that a session says beside the stream. */
const TALK = MIB / 4;

/** The progress line's rate leaves out what fills buffers in the first seconds. */
const SETTLED = 3;

/** How far a value is off another, in percent of that. */
const percentOff = (value: number, from: number): number => 100 * (value / from - 1);

/**
 * What nine of ten deviations keep within, in the middle one of several runs: where the machine itself stands
 * still for a moment, that shows in single spans and lines.
 */
const kept = (runs: readonly (readonly number[])[]): number =>
  median(
    runs.map((deviations) => {
      const sizes = deviations.map((deviation) => Math.abs(deviation)).toSorted((a, b) => a - b);
      return sizes[Math.ceil(0.9 * sizes.length) - 1] ?? Number.NaN;
    }),
  );

/** What had gone over the wire at that moment, between two samples. */
const sentAt = (wire: readonly Sample[], at: number): number => {
  const after = wire.findIndex((sample) => sample.at >= at);
  const [before, next] = [wire[after - 1], wire[after]];
  if (before === undefined || next === undefined) throw new Error('not recorded then');
  return before.bytes + ((next.bytes - before.bytes) * (at - before.at)) / (next.at - before.at);
};

/** The stream on the wire: from its first byte to the last sample before its end. */
const streamIn = ({ wire }: Recording) => {
  const [first] = wire;
  const last = wire.at(-1);
  if (first === undefined || last === undefined) throw new Error('nothing recorded');
  const begin = wire.findLast(({ bytes }) => bytes < first.bytes + TALK) ?? first;
  const end = wire.findLast(({ bytes }) => bytes < last.bytes - TALK) ?? last;
  return { begin, end };
};

/** How far each span of so many seconds is off the rate, in percent; they begin half a second apart. */
const spansOff = (recording: Recording): readonly number[] => {
  const { begin, end } = streamIn(recording);
  const deviations: number[] = [];
  for (let from = begin.at; from + SPAN <= end.at; from += 0.5) {
    const sent = sentAt(recording.wire, from + SPAN) - sentAt(recording.wire, from);
    deviations.push(percentOff(sent / SPAN, RATE.bytes));
  }
  if (deviations.length === 0) throw new Error(`it did not last for ${SPAN} s`);
  return deviations;
};

const unit = { B: 1, KiB: 2 ** 10, MiB: MIB, GiB: 2 ** 30 } as const;
const progress = /, (\d+) %, ([\d.]+) (B|KiB|MiB|GiB)\/s, /;

/** How far the progress line was off what went over the wire: of the rate in percent, of the share in points. */
const progressOff = (recording: Recording, size: number) => {
  const { begin, end } = streamIn(recording);
  const rates: number[] = [];
  const shares: number[] = [];
  for (const { at, text } of recording.shown) {
    const [, share, amount, scale] = progress.exec(text) ?? [];
    if (scale === undefined || at < begin.at + SETTLED + 1 || at > end.at) continue;
    const from = Math.max(begin.at + SETTLED, at - 10);
    const went = sentAt(recording.wire, at);
    const rate = (went - sentAt(recording.wire, from)) / (at - from);
    rates.push(percentOff(Number(amount) * unit[scale as keyof typeof unit], rate));
    shares.push(Number(share) - (100 * (went - begin.bytes)) / size);
  }
  if (rates.length < 10) throw new Error('the progress line was hardly seen');
  return { rates, shares };
};

/** One setting, and what each round of it gave. */
interface Row {
  readonly name: string;
  readonly recordings: Recording[];
}

/** One full send that is recorded, and forgotten again. */
const recorded = async (way: Way, ...options: readonly string[]): Promise<Recording> => {
  const recording = await recordOnTerminal(zferry(...options).prime(way, 'none'));
  await assertArrived(way);
  await dst.ok(sh`zfs destroy -r ${way.target}`);
  return recording;
};

/** Packets no larger than the frames of an Ethernet, where else the network card would split them. */
const inFrames = async <T>(act: () => Promise<T>): Promise<T> => {
  await src.ok('ip link set dev vec0 gso_max_segs 1');
  try {
    return await act();
  } finally {
    await src.ok('ip link set dev vec0 gso_max_segs 65535');
  }
};

const range = (deviations: readonly number[]): string =>
  `${two(Math.min(...deviations))} to ${two(Math.max(...deviations))}`;

const packetOf = (recording: Recording): number => {
  const { begin, end } = streamIn(recording);
  return (end.bytes - begin.bytes) / (end.packets - begin.packets);
};

const rateRow = ({ name, recordings }: Row) => [
  name,
  Math.round(median(recordings.map(packetOf))),
  `${range(recordings.flatMap(spansOff))} %`,
];

const rateGoal = ({ name, recordings }: Row): Goal =>
  atMost(
    `--rate ${RATE.option}, ${name}: off the rate over ${SPAN} s`,
    kept(recordings.map(spansOff)),
    5,
    ' %',
  );

const progressOf = ({ name, recordings }: Row, size: number) => {
  const runs = recordings.map((recording) => progressOff(recording, size));
  const rates = runs.map((run) => run.rates);
  const shares = runs.map((run) => run.shares);
  return {
    row: [name, rates.flat().length, `${range(rates.flat())} %`, `${range(shares.flat())} points`],
    goals: [
      atMost(`progress line, ${name}: rate, off the wire's`, kept(rates), 5, ' %'),
      atMost(`progress line, ${name}: share, off the wire's`, kept(shares), 5, ' points'),
    ],
  };
};

/** Whether `--rate` and the progress line are true, held against the counters of the wire. */
export const rateAndProgress = async (rounds: number): Promise<Section> => {
  const pv: Row = { name: 'pv', recordings: [] };
  const frames: Row = { name: 'pv, frames of 1500 bytes', recordings: [] };
  const mbuffer: Row = { name: 'mbuffer', recordings: [] };
  const slow: Row = { name: `a wire of ${SLOW_WIRE / 1_000} Mbit/s`, recordings: [] };
  const held = [pv, frames, mbuffer];
  try {
    const [way] = await makeWays(1);
    if (way === undefined) throw new Error('no datasets');
    await src.ok(sh`head -c ${SIZE} /dev/urandom >/${way.source}/noise; zpool sync`);
    const limited = () => recorded(way, '--rate', RATE.option);
    for (let round = 0; round < rounds; round += 1) {
      pv.recordings.push(await limited());
      frames.recordings.push(await inFrames(limited));
      mbuffer.recordings.push(await without(src, ['pv'], limited));
      await network.rate(SLOW_WIRE);
      slow.recordings.push(await recorded(way));
      await network.clear();
    }
    const newest = sh`zfs list -H -d 1 -t snapshot -o name -s createtxg ${way.source}`;
    const size = Number(await src.ok(`zfs send -L "$(${newest} | tail -n 1)" | wc -c`));
    const lines = [{ ...pv, name: `--rate ${RATE.option}` }, slow].map((row) =>
      progressOf(row, size),
    );
    return {
      title: 'The rate, and the progress line',
      text: [
        `First sends of ${SIZE / MIB} MiB of random data on a terminal, --compress none, against the counters of the interface (ten samples a second). Every span of ${SPAN} s with --rate ${RATE.option}:`,
        table(['limiter', 'bytes a packet', 'off the rate'], held.map(rateRow)),
        'Every progress line with a rate: that against the rate of the same ten seconds on the wire, the share against what had gone of the whole stream.',
        table(
          ['', 'lines', 'rate off', 'share off'],
          lines.map(({ row }) => row),
        ),
        'The goals are what nine of ten spans or lines keep within, in the middle one of the rounds.',
      ].join('\n\n'),
      goals: [...held.map(rateGoal), ...lines.flatMap(({ goals }) => goals)],
    };
  } finally {
    await network.clear();
    await destroyWays();
  }
};
