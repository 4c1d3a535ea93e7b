import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { dst, type Host, src } from '../lab/support/host.ts';
import { quote, sh } from '../lab/support/quote.ts';

/** `auto` of a dataset that is stored with lz4, as all here are: blocks go as they are stored, through no compressor. */
export const compressors = ['none', 'lzop', 'zstd', 'auto'] as const;
export type Compressor = (typeof compressors)[number];

/** A dataset on src, and one on dst. */
export interface Way {
  readonly source: string;
  readonly target: string;
  /** What the floor's snapshots for this target begin with, and syncoid's identifier: no target prunes another's base. */
  readonly series: string;
}

/** One that keeps a dataset replicated. */
export interface Contender {
  readonly name: string;
  /** Where it runs. */
  readonly host: Host;
  /** A program that only somebody else can have put there. */
  readonly needs?: string;
  /** The command there that makes the first full send. */
  readonly prime: (way: Way, compressor: Compressor) => string;
  /** The command there that does one cycle. */
  readonly cycle: (way: Way, compressor: Compressor) => string;
  /** One command for all targets of a source; undefined where it has none, and takes a command for each. */
  readonly cycleOfAll?: (ways: readonly Way[], compressor: Compressor) => string;
}

/** `scripts/lab peers` puts the other tools onto guests; on a machine's own OpenZFS they race where they are there. */
export const isThere = async ({ name, host, needs }: Contender): Promise<boolean> => {
  if (needs === undefined) return true;
  const { exitCode } = await host.run(sh`command -v ${needs}`);
  if (exitCode !== 0) process.stderr.write(`bench: ${name} is not installed, and left out\n`);
  return exitCode === 0;
};

const LOG = '/var/log/zferry-bench.log';

export const zferry = (...options: readonly string[]): Contender => {
  const words = (verb: string, ways: readonly Way[], compressor: Compressor) =>
    [
      sh`/usr/local/bin/zferry ${verb} ${ways[0]?.source ?? ''}`,
      ...ways.map(({ target }) => sh`${`dst:${target}`}`),
      sh`--log ${LOG} --compress ${compressor}`,
      ...options.map((option) => sh`${option}`),
    ].join(' ');
  return {
    name: ['zferry', ...options].join(' '),
    host: src,
    prime: (way, compressor) => words('prime', [way], compressor),
    cycle: (way, compressor) => words('run', [way], compressor),
    cycleOfAll: (ways, compressor) => words('run', ways, compressor),
  };
};

/** How zfs sends, and what stands in the pipeline on either side. */
const packing = {
  none: { flags: ['-L'], here: '', there: '' },
  lzop: { flags: ['-L'], here: '| lzop -1c', there: 'lzop -dc |' },
  zstd: { flags: ['-L'], here: '| zstd -q -1 -c', there: 'zstd -q -dc |' },
  auto: { flags: ['-L', '-e', '-c'], here: '', there: '' },
} as const;

/** The bare pipeline of the very processes that zferry starts, of snapshots that are there already. */
export const raw = (compressor: Compressor, target: string, ...send: readonly string[]): string => {
  const { flags, here, there } = packing[compressor];
  const receive = `${there} zfs receive -s -u ${quote(target)}`;
  return `set -o pipefail; ${['zfs', 'send', ...flags, ...send].map(quote).join(' ')} ${here} | ssh -T -o BatchMode=yes dst ${quote(receive)}`;
};

const FLOOR = '/usr/local/sbin/bench-floor';

export const floor: Contender = {
  name: 'floor',
  host: src,
  prime: ({ source, target, series }) => {
    const first = `${source}@${series}0`;
    return sh`zfs snapshot ${first} && zfs bookmark ${first} ${`#${series}0`} && zfs send -L ${first} | ssh dst zfs receive -u -o readonly=on ${target}`;
  },
  cycle: ({ source, target, series }, compressor) =>
    sh`${FLOOR} ${source} dst ${target} ${compressor} ${series}`,
};

/** Debian's package, as its manual page has it; its compressors have other names. */
export const syncoid: Contender = {
  name: 'syncoid',
  host: src,
  needs: 'syncoid',
  prime: (way, compressor) => syncoid.cycle(way, compressor),
  cycle: ({ source, target, series }, compressor) => {
    const name = { none: 'none', lzop: 'lzo', zstd: 'zstd-fast', auto: 'none' }[compressor];
    const flags = compressor === 'auto' ? '--sendoptions=Lec ' : '';
    return `syncoid --quiet ${flags}${sh`--identifier=${series} --compress=${name} --recvoptions=u ${source} ${`root@dst:${target}`}`}`;
  },
};

/**
 * Debian's package. It fetches: it runs on the target's host. Its wrapper is called by the words that it calls itself with
 * behind a forced command. It knows no compressor.
 */
export const simplesnap: Contender = {
  name: 'simplesnap',
  host: dst,
  needs: 'simplesnap',
  prime: (way, compressor) => simplesnap.cycle(way, compressor),
  cycle: ({ source, target }) =>
    sh`simplesnap --store ${dst.pool} --setname bench --host src --wrapcmd ${'simplesnapwrap reinvoked simplesnapwrap'} --backupdataset ${source} --datasetdest ${target}`,
};

/** Puts the floor's script onto src. */
export const installFloor = async (): Promise<void> => {
  const script = await readFile(new URL('floor.sh', import.meta.url), 'utf8');
  await src.write(FLOOR, script);
  await src.ok(sh`chmod 755 ${FLOOR}`);
};

/** Throws unless the target's newest snapshot is among so many of the source's newest. */
export const assertArrived = async ({ source, target }: Way, among = 1): Promise<void> => {
  const newest = (dataset: string, count: number) =>
    sh`zfs list -Hp -d 1 -t snapshot -o guid -s createtxg ${dataset} | tail -n ${count}`;
  const [here, there] = await Promise.all([
    src.ok(newest(source, among)),
    dst.ok(newest(target, 1)),
  ]);
  if (!here.split('\n').includes(there)) throw new Error(`${source} did not arrive as ${target}`);
};
