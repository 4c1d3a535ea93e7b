import type { RunStatus } from '../../hosts/lock.ts';
import { hostShown, nameOn, recipientShown } from '../../hosts/place.ts';
import { pasteable } from '../../hosts/words.ts';
import { zferry } from '../hints.ts';
import type { Pair, Request } from '../request.ts';
import { bad, type Finding, ok, warn } from './finding.ts';

/** Whether a run of the pair leaves this host at all. */
export const needsSsh = ({ source, target }: Pair): boolean =>
  [source, target].some(({ host }) => host.kind === 'remote');

/** The programs that a run starts on this host, beside zfs and the compressor. */
export const checkPrograms = (pair: Pair, isInstalled: (program: string) => boolean): Finding => {
  const check = 'programs';
  const ssh = needsSsh(pair) ? ['ssh'] : [];
  const missing = [...ssh, 'flock', 'mkfifo'].filter((program) => !isInstalled(program));
  const packages = { ssh: 'openssh-client', flock: 'util-linux', mkfifo: 'coreutils' };
  const [first] = missing;
  if (first !== undefined) {
    const names = missing.map((program) => packages[program as keyof typeof packages]);
    return bad(
      check,
      `${missing.join(', ')} not found on this host`,
      `apt install ${names.join(' ')}`,
    );
  }
  return isInstalled('setpriv')
    ? ok(check, [...ssh, 'flock', 'setpriv'].join(', '))
    : warn(
        check,
        'setpriv not found on this host: a zfs send may outlive a zferry that is killed',
        'apt install util-linux',
      );
};

/** Whether another run of the pair is at work. `holder` is undefined where nobody holds a lock. */
export const checkLock = (
  holder: RunStatus | 'unknown' | undefined,
  isAlive: (pid: number) => boolean,
): Finding => {
  const check = 'lock';
  if (holder === undefined) return ok(check, 'free');
  if (holder === 'unknown') return warn(check, 'held by a run that does not say which');
  const { pid, started } = holder;
  return isAlive(pid)
    ? warn(
        check,
        `a run is at work since ${started} (pid ${pid})`,
        `if it should not be: kill ${pid}`,
      )
    : bad(
        check,
        `the run of ${started} (pid ${pid}) is gone, but processes that it started hold its lock`,
        'is a pool suspended? see zpool status -x and ps -ef',
      );
};

/** A line of a crontab that runs something. */
export interface CronLine {
  /** The file, or `crontab -l`. */
  readonly file: string;
  readonly line: string;
  /** What the file sets PATH to; undefined where it leaves cron's own. */
  readonly path: string | undefined;
}

/** The lines of a crontab that run something, each with the PATH that counts for it. */
export const cronLines = (file: string, text: string): readonly CronLine[] => {
  const lines: CronLine[] = [];
  let path: string | undefined;
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    const setting = /^PATH\s*=\s*(.*)$/.exec(line)?.[1];
    if (setting !== undefined) path = setting;
    else if (/^[0-9*@]/.test(line)) lines.push({ file, line, path });
  }
  return lines;
};

const wordsOf = (line: string): readonly string[] =>
  line.split(/\s+/).map((word) => word.replaceAll(/^['"]|['"]$/g, ''));

const isZferry = (word: string): boolean => /(^|\/)zferry$/.test(word);

const runs = ({ line }: CronLine, { source, target }: Pair): boolean => {
  const words = wordsOf(line);
  const at = words.indexOf(source.typed);
  return words.some(isZferry) && at !== -1 && words.slice(at).includes(target.typed);
};

/** Whether cron replicates the pair. `self` is the path of this very program. */
export const checkCrontab = (
  request: Request,
  lines: readonly CronLine[],
  { self, runsCron }: { readonly self: string; readonly runsCron: boolean },
): Finding => {
  const check = 'crontab';
  const { source, target } = request.pair;
  const found = lines.filter((line) => runs(line, request.pair));
  const [first, second] = found;
  if (first === undefined) {
    const command = zferry({ ...request, self }, 'run');
    return warn(
      check,
      `no entry runs zferry ${pasteable([source.typed, target.typed])} (systemd timers were not looked at)`,
      `(crontab -l; echo ${pasteable([`*/5 * * * * ${command}`])}) | crontab -`,
    );
  }
  const seen = `${first.file}: ${first.line}`;
  const program = wordsOf(first.line).find(isZferry) ?? '';
  if (!program.includes('/') && first.path === undefined) {
    return bad(
      check,
      `${seen}; cron's PATH is /usr/bin:/bin`,
      `write the full path there: ${self}`,
    );
  }
  if (!runsCron) {
    return bad(check, `${seen}; but no cron is running`, 'systemctl enable --now cron');
  }
  return second === undefined
    ? ok(check, seen)
    : warn(check, `${found.length} entries, such as ${seen}`, 'one is enough: take the others out');
};

/** What the log's file is like. */
export interface LogFacts {
  readonly file: string;
  /** Why a line could not be appended; undefined where it can. */
  readonly problem: string | undefined;
  /** The last lines of it. */
  readonly tail: readonly string[];
}

const isAbout = (line: string, { source, target }: Pair): boolean => {
  const to = recipientShown(target);
  const { host, dataset } = source;
  if (line.startsWith('{')) {
    const from =
      host.kind === 'here' ? '"target":' : `"sourceHost":${JSON.stringify(hostShown(host))},`;
    return (
      line.includes(`"source":${JSON.stringify(dataset)},${from}`) &&
      line.includes(`"target":${JSON.stringify(target.typed)},`)
    );
  }
  const [, , ...words] = line.split(' ');
  const rest = line.slice(line.indexOf(' ') + 1);
  return (
    (rest.startsWith(`${nameOn(host, dataset)}@`) ||
      rest.startsWith(`${nameOn(host, dataset)} `)) &&
    (words.join(' ').includes(` to ${to} `) || words.join(' ').includes(` to ${to}!`))
  );
};

/** Whether the log can be written, and how the pair's last cycle ended. */
export const checkLog = (pair: Pair, { file, problem, tail }: LogFacts): Finding => {
  const check = 'log';
  if (problem !== undefined) {
    return bad(
      check,
      `${file} cannot be written: ${problem}`,
      'give it another place with --log FILE, or mend that',
    );
  }
  const last = tail.findLast((line) => isAbout(line, pair));
  if (last === undefined) return ok(check, `${file}, no line of this pair yet`);
  const failed = last.includes('! ERROR! ') || last.includes('"result":"failed"');
  return failed ? warn(check, `the last cycle failed: ${last}`) : ok(check, `${file}: ${last}`);
};
