import { randomBytes } from 'node:crypto';
import { dst, type Host, src } from './host.ts';
import { quote, sh } from './quote.ts';
import type { Result } from './result.ts';

/** A source on `src` and its target on `dst`, with a log of their own, for one test. */
export interface Pair {
  readonly source: string;
  readonly target: string;
  /** The target as a command line has it. */
  readonly place: string;
  /** The same with dst called otherwise, such as `root@dst`. */
  readonly at: (host: string) => string;
  readonly log: string;
  /** zferry with these words and this pair's log, in cron's environment. */
  readonly zferry: (...words: readonly string[]) => Promise<Result>;
  /** `zferry prime` of this pair. */
  readonly prime: (...options: readonly string[]) => Promise<Result>;
  /** A cycle of this pair, in the script's own calling form where both names are the same. */
  readonly cycle: (...options: readonly string[]) => Promise<Result>;
  /** The lines of its log. */
  readonly lines: () => Promise<readonly string[]>;
  readonly remove: () => Promise<void>;
}

/** What cron gives a job, and nothing more. */
const cronEnvironment = 'env -i HOME=/root LOGNAME=root SHELL=/bin/sh';
const cronPath = '/usr/bin:/bin';

/** The command line that cron would run, for a host's `run` or `start`; `tools` is a folder in front of its PATH. */
export const underCron = (words: readonly string[], tools?: string): string => {
  const path = tools === undefined ? cronPath : `${tools}:${cronPath}`;
  return `${cronEnvironment} PATH=${path} ${['/usr/local/bin/zferry', ...words].map(quote).join(' ')}`;
};

/** A name for a dataset of a host's own pool that no other test has. */
export const unused = (host: Host = src): string =>
  `${host.pool}/t${randomBytes(4).toString('hex')}`;

/** The same dataset of the other host's pool. */
export const counterpart = (source: string): string => source.replace(/^[^/]+/, dst.pool);

/** The words and the log of a pair, none of whose datasets is made: `target` is one on dst, by default of the same name. */
export const pairOf = (source = unused(), target = counterpart(source)): Pair => {
  const log = `/var/log/zferry-test-${randomBytes(4).toString('hex')}.log`;
  const at = (host: string) => (target === source ? host : `${host}:${target}`);
  const place = at('dst');
  const zferry = (...words: readonly string[]) =>
    src.run(underCron([...words, '--log', log]), { timeout: 100_000 });
  return {
    source,
    target,
    place,
    at,
    log,
    zferry,
    prime: (...options) => zferry('prime', source, place, ...options),
    cycle: (...options) => zferry(source, place, ...options),
    lines: async () =>
      (await src.ok(sh`cat ${log} 2>/dev/null || true`)).split('\n').filter(Boolean),
    remove: async () => {
      await Promise.all([
        src.ok(sh`zfs destroy -R ${source} 2>/dev/null || true; rm -f ${log}`),
        dst.ok(sh`zfs destroy -R ${target} 2>/dev/null || true`),
      ]);
    },
  };
};

/** A source with a few files and no target yet. */
export const freshPair = async (source?: string, target?: string): Promise<Pair> => {
  const pair = pairOf(source, target);
  await src.ok(`${sh`zfs create ${pair.source}`} && ${writing(pair.source, 'first')}`);
  return pair;
};

/** A pair that has been primed. */
export const primedPair = async (source?: string, target?: string): Promise<Pair> => {
  const pair = await freshPair(source, target);
  const { exitCode, stderr } = await pair.prime();
  if (exitCode !== 0) throw new Error(`prime: ${stderr}`);
  return pair;
};

/** A shell command that writes some small and one larger file below a folder of that name. */
const writing = (dataset: string, folder: string): string =>
  `cd /${quote(dataset)} && mkdir -p ${quote(folder)} && cd ${quote(folder)} && for i in 1 2 3; do head -c 20000 /dev/urandom >"small $i"; done && head -c 1000000 /dev/urandom >large`;

/** Writes some small and one larger file below a folder of that name. */
export const writeFiles = async (dataset: string, folder: string): Promise<void> => {
  await src.ok(writing(dataset, folder));
};

/** Writes one file of incompressible data. */
export const writeBigFile = async (dataset: string, name: string, mebibytes: number) => {
  await src.ok(sh`head -c ${mebibytes * 2 ** 20} /dev/urandom >/${dataset}/${name}`);
};

/** The labels of a dataset's snapshots, oldest first. */
export const snapshots = async (host: Host, dataset: string): Promise<readonly string[]> => {
  // A name may end in a space; it is not to stand where the output is trimmed
  const command = sh`zfs list -H -d 1 -t snapshot -o name,guid -s createtxg ${dataset}`;
  const rows = (await host.ok(command)).split('\n').filter(Boolean);
  return rows.map((row) => row.slice(row.indexOf('@') + 1, row.indexOf('\t')));
};

/** The labels of a dataset's bookmarks, oldest first. */
export const bookmarks = async (dataset: string): Promise<readonly string[]> => {
  const command = sh`zfs list -H -d 1 -t bookmark -o name -s createtxg ${dataset}`;
  const names = (await src.ok(command)).split('\n').filter(Boolean);
  return names.map((name) => name.slice(name.indexOf('#') + 1));
};

/** One property of a dataset. */
export const property = (host: Host, dataset: string, name: string): Promise<string> =>
  host.ok(sh`zfs get -Hp -o value ${name} ${dataset}`);

/** guid of `dataset@label`. */
export const guid = (host: Host, snapshot: string): Promise<string> =>
  property(host, snapshot, 'guid');

/**
 * Everything of a dataset that a refused or failed cycle must leave alone: names, guids, holds, whether it
 * is read-only, what was received in part. 'nothing' where it does not exist.
 */
export const stateOf = async (host: Host, dataset: string): Promise<string> => {
  const columns = 'name,guid,createtxg,userrefs,readonly,receive_resume_token';
  const command = sh`zfs list -Hp -r -t all -o ${columns} ${dataset}`;
  const { exitCode, stdout } = await host.run(command);
  return exitCode === 0 ? stdout : 'nothing';
};

/** A shell command that prints the checksums of all files in a snapshot, a word of the shell, read from the snapshot itself. */
const summing = (snapshot: string): string =>
  `d=$(mktemp -d) && mount -t zfs ${snapshot} $d && cd $d && find . -type f -print0 | sort -z | xargs -0r sha256sum; code=$?; cd /; umount $d; rmdir $d; exit $code`;

/** The checksums of all files in a snapshot. */
export const checksums = (host: Host, dataset: string, label: string): Promise<string> =>
  host.ok(summing(quote(`${dataset}@${label}`)));

/** What a snapshot, a word of the shell, is and holds, by one command: most tests end with such looks. */
const looked = async (host: Host, snapshot: string, before = 'true') => {
  const command = `${before} && zfs get -Hp -o name,value guid ${snapshot} && ${summing(snapshot)}`;
  const [row = '', ...files] = (await host.ok(command)).split('\n');
  const [name = '', guid = ''] = row.split('\t');
  return { label: name.slice(name.indexOf('@') + 1), guid, files: files.join('\n') };
};

/** The newest snapshot's label where both hosts have it with the same guid and the same files; throws otherwise. */
export const newestEqual = async ({ source, target }: Pair): Promise<string> => {
  const list = sh`zfs list -H -d 1 -t snapshot -o name -s createtxg ${target}`;
  const there = await looked(dst, '"$newest"', `newest=$(${list} | tail -n 1)`);
  const { label } = there;
  const here = await looked(src, quote(`${source}@${label}`));
  if (here.guid !== there.guid) {
    throw new Error(`@${label} has guid ${here.guid} on src and ${there.guid} on dst`);
  }
  if (here.files !== there.files || here.files === '') {
    throw new Error(`@${label} has other files on dst`);
  }
  return label;
};
