import { dst, type Host, src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';

/** A step of the cycle: a command of zfs on one of the hosts, and when the fault strikes. */
export interface Moment {
  readonly host: 'src' | 'dst';
  /** What `zfs` is called with, as a pattern of sh. */
  readonly call: string;
  readonly when: 'before' | 'during' | 'after';
  readonly name: string;
}

const steps = {
  'look at the target': ['dst', 'get *'],
  snapshot: ['src', 'snapshot *'],
  'look at the source': ['src', 'list *bookmark*'],
  bookmark: ['src', 'bookmark *'],
  stream: ['src', 'send -v*'],
  receive: ['dst', 'receive *'],
  verification: ['dst', 'list *filesystem,volume,snapshot*'],
  'prune there': ['dst', 'destroy *'],
  'drop the old bookmark': ['src', 'destroy *#*'],
  'prune here': ['src', 'destroy *@*'],
} as const;

type Step = keyof typeof steps;

const moment = (step: Step, when: Moment['when']): Moment => {
  const [host, call] = steps[step];
  return { host, call, when, name: `${when} ${step}` };
};

/** While bytes move. */
export const inTheStream: readonly Moment[] = [
  moment('stream', 'during'),
  moment('receive', 'during'),
];

/** Every step of a cycle, before, after and, where it takes a while, during. */
export const everyMoment: readonly Moment[] = [
  ...(Object.keys(steps) as Step[]).flatMap((step) => [
    moment(step, 'before'),
    moment(step, 'after'),
  ]),
  ...inTheStream,
];

/**
 * Stands before the real zfs of a host. It stops at the call that `trap` names until `go` is there, and
 * keeps a list of what was sent.
 */
const program = `#!/bin/sh
real=/usr/sbin/zfs
folder=/run/torture
case $1 in send) if [ -d $folder ]; then echo "$*" >>$folder/sends; fi ;; esac
[ -f $folder/trap ] || exec $real "$@"
{ read -r when; read -r call; } <$folder/trap || exec $real "$@"
case "$*" in $call) ;; *) exec $real "$@" ;; esac
mv $folder/trap $folder/sprung 2>/dev/null || exec $real "$@"
hold() {
  echo $$ >$folder/struck
  n=0
  until [ -e $folder/go ] || [ $n -gt 200 ]; do n=$((n + 1)); sleep 0.1; done
}
case $when in
  before) hold; exec $real "$@" ;;
  during) echo $$ >$folder/struck; exec $real "$@" ;;
  after) $real "$@"; code=$?; hold; exit $code ;;
esac
`;

const hosts: Readonly<Record<Moment['host'], Host>> = { src, dst };

/** Puts the taps in place; they outlive a power cut. */
export const installTaps = async (): Promise<void> => {
  for (const host of [src, dst]) {
    await host.write('/usr/local/sbin/zfs', program);
    await host.ok('chmod 755 /usr/local/sbin/zfs && sync -f /usr/local/sbin/zfs');
  }
};

export const removeTaps = async (): Promise<void> => {
  for (const host of [src, dst]) await host.run('rm -rf /usr/local/sbin/zfs /run/torture');
};

/** Forgets what was trapped and sent before, and lets go whatever is still held. */
export const disarm = async (): Promise<void> => {
  await Promise.all(
    [src, dst].map((host) =>
      host.run(
        'mkdir -p /run/torture; touch /run/torture/go; rm -f /run/torture/trap /run/torture/sends',
      ),
    ),
  );
};

/** Sets a trap for the next cycle. */
export const arm = async ({ host, when, call }: Moment): Promise<void> => {
  await hosts[host].ok(
    sh`cd /run/torture && rm -f go struck sprung && printf '%s\n' ${when} ${call} >trap`,
  );
};

/** Waits until the trap is sprung, or what it waits for is over; answers whether it was. */
export const sprung = async ({ host }: Moment, over: Promise<unknown>): Promise<boolean> => {
  // The host itself looks, and not often: its processor has other work.
  const wait = hosts[host].run(
    'cd /run/torture; n=0; until [ -e struck ] || [ -e go ] || [ $n -gt 400 ]; do n=$((n + 1)); sleep 0.2; done; test -e struck',
    { timeout: 100_000 },
  );
  const done = over.then(
    () => false,
    () => false,
  );
  return await Promise.race([wait.then(({ exitCode }) => exitCode === 0), done]);
};

/** Lets the trapped step go on. */
export const release = async ({ host }: Moment): Promise<void> => {
  await hosts[host].run('touch /run/torture/go', { timeout: 10_000 });
};

/** The arguments of every `zfs send` of the cycle. */
export const sends = async (): Promise<readonly string[]> => {
  const { stdout } = await src.run('cat /run/torture/sends 2>/dev/null');
  return stdout.split('\n').filter((line) => line.includes('send -v'));
};
