import process from 'node:process';
import { dst, type Host, src } from '../lab/support/host.ts';
import { quote, sh } from '../lab/support/quote.ts';

/** The longest that one run may take, milliseconds. */
const LIMIT = 900_000;

/** The PATH of an administrator's crontab, for all that is measured. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Runs a bash script on a host as its cron would. Throws when it fails. */
const inCron = async (script: string, host: Host = src): Promise<string> => {
  const environment = `env -i HOME=/root LOGNAME=root SHELL=/bin/sh PATH=${PATH}`;
  const { stdout, stderr, exitCode } = await host.run(
    `${environment} bash -c ${quote(script)} </dev/null`,
    { timeout: LIMIT },
  );
  if (exitCode !== 0) throw new Error(`${script}\nexit code ${exitCode}: ${stdout}${stderr}`);
  return stdout.trim();
};

/** How many seconds a command takes on a host, by the guest's own clock. Throws when it fails. */
export const timed = async (command: string, host?: Host): Promise<number> => {
  const times = await inCron(
    `began=$EPOCHREALTIME; { ${command}; } >/tmp/bench.out 2>&1; code=$?; ended=$EPOCHREALTIME; [ $code = 0 ] || { cat /tmp/bench.out; exit $code; }; echo $began $ended`,
    host,
  );
  const [began = 0, ended = 0] = times.split(' ').map(Number);
  return ended - began;
};

/** What a run costs beside its time. */
export interface Cost {
  /** ssh clients. */
  readonly ssh: number;
  readonly zfsHere: number;
  readonly zfsThere: number;
  /** All programs that were started where it runs. */
  readonly programs: number;
  /** Resident memory of the largest process there, MiB. */
  readonly memory: number;
}

const TRACE = '/tmp/bench.trace';
const MEMORY = '/tmp/bench.memory';
const CALLS = '/tmp/bench.calls';
const COUNTER = '/run/bench-counter';
const MOVED = '/run/bench/zfs';

/** Counts a host's calls of zfs while something is done; a tool may call it by its path. */
const countingZfs = async (host: Host, work: () => Promise<unknown>): Promise<number> => {
  const real = await host.ok('readlink -f "$(command -v zfs)"');
  await host.write(COUNTER, `#!/bin/sh\necho >>${CALLS}\nexec ${MOVED} "$@"\n`);
  await host.ok(
    sh`rm -f ${CALLS}; chmod 755 ${COUNTER}; install -D ${real} ${MOVED}; mount --bind ${COUNTER} ${real}`,
  );
  try {
    await work();
  } finally {
    await host.ok(sh`umount ${real}`);
  }
  return Number(await host.ok(sh`grep -c ^ ${CALLS} || true`));
};

/** What counts is no part of every system: strace and time(1), which `scripts/lab peers` brings. Says what is missing. */
export const canCount = async (host: Host): Promise<boolean> => {
  const { exitCode, stderr } = await host.run(
    'for each in strace /usr/bin/time; do command -v $each >/dev/null || { echo $each >&2; exit 1; }; done',
  );
  if (exitCode === 0) return true;
  process.stderr.write(`bench: nothing is counted on ${host.name}: no ${stderr.trim()} there\n`);
  return false;
};

/** Counts what a command on a host starts: there all execve(2) calls that succeed, on the other host the calls of zfs. */
export const counted = async (command: string, host: Host = src): Promise<Cost> => {
  const zfsThere = await countingZfs(host === src ? dst : src, () =>
    // A file for each process, so that no line is torn by another's
    inCron(
      `rm -rf ${TRACE}; mkdir ${TRACE}; /usr/bin/time -f %M -o ${MEMORY} strace -ff -qq -e trace=execve -e signal=none -o ${TRACE}/of bash -c ${quote(command)}`,
      host,
    ),
  );
  const listed = await host.ok(`cat ${TRACE}/* | sed -nE 's/^execve\\("([^"]*)".* = 0$/\\1/p'`);
  const programs = listed.split('\n');
  const calls = (name: string) => programs.filter((path) => path.endsWith(`/${name}`)).length;
  return {
    ssh: calls('ssh'),
    zfsHere: calls('zfs'),
    zfsThere,
    programs: programs.length,
    memory: Number(await host.ok(`tail -n 1 ${MEMORY}`)) / 1024,
  };
};

/** What a process itself used. */
export interface Usage {
  readonly seconds: number;
  /** CPU seconds of this process alone. */
  readonly processor: number;
  /** Its peak resident memory, MiB. */
  readonly memory: number;
}

/** Watches one process while it runs: what it used until a tenth of a second before its end. */
export const watched = async (command: string): Promise<Usage> => {
  const [began = 0, ended = 0, ticks = 0, hertz = 100, peak = 0] = (
    await inCron(
      `began=$EPOCHREALTIME; ${command} >/tmp/bench.out 2>&1 & pid=$!
      while read -r stat 2>/dev/null </proc/$pid/stat; do
        set -- \${stat##*) }; [ "$1" = Z ] || ticks=$((\${12} + \${13}))
        while read -r name value _; do [ "$name" != VmHWM: ] || peak=$value; done 2>/dev/null </proc/$pid/status
        sleep 0.1
        [ -e /proc/$pid ] && kill -0 $pid 2>/dev/null || break
      done
      wait $pid || { cat /tmp/bench.out; exit 1; }
      echo $began $EPOCHREALTIME $ticks $(getconf CLK_TCK) $peak`,
    )
  )
    .split(' ')
    .map(Number);
  return { seconds: ended - began, processor: ticks / hertz, memory: peak / 1024 };
};
