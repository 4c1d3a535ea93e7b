import { src } from '../lab/support/host.ts';
import { sh } from '../lab/support/quote.ts';

/** What src's end of the wire has sent at some moment (seconds by src's clock). */
export interface Sample {
  readonly at: number;
  readonly bytes: number;
  readonly packets: number;
}

/** What a command on a terminal wrote at once, and when. */
export interface Shown {
  readonly at: number;
  readonly text: string;
}

export interface Recording {
  readonly wire: readonly Sample[];
  readonly shown: readonly Shown[];
}

const COUNTERS = '/sys/class/net/vec0/statistics';

const rowsOf = (text: string): readonly (readonly number[])[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' ').map(Number));

/** Cuts what script(1) logged as its timings tell; its first line is script's own. */
const chunksOf = (log: Buffer, timings: string, began: number): Shown[] => {
  let offset = log.indexOf('\n') + 1;
  let at = began;
  return rowsOf(timings).map(([delay = 0, length = 0]) => {
    at += delay;
    offset += length;
    return { at, text: log.toString('utf8', offset - length, offset) };
  });
};

/** Runs a command on a terminal on src, and counts ten times a second what goes over the wire. Throws when it fails. */
export const recordOnTerminal = async (command: string): Promise<Recording> => {
  const recorder = `cd "$(mktemp -d)" || exit 1
    while sleep 0.1; do echo $EPOCHREALTIME $(cat ${COUNTERS}/tx_bytes ${COUNTERS}/tx_packets); done >wire & sampler=$!
    began=$EPOCHREALTIME
    ${sh`script -qe -O shown -T timings -c ${command}`} >/dev/null 2>&1; code=$?
    sleep 0.2; kill $sampler
    if [ $code != 0 ]; then cat shown >&2; else echo $began; echo ---; cat wire; echo ---; cat timings; echo ---; base64 shown; fi
    rm -rf "$PWD"; exit $code`;
  const output = await src.ok(sh`bash -c ${recorder}`, { timeout: 300_000 });
  const [began = '', wire = '', timings = '', log = ''] = output.split('---\n');
  return {
    wire: rowsOf(wire).map(([at = 0, bytes = 0, packets = 0]) => ({ at, bytes, packets })),
    shown: chunksOf(Buffer.from(log, 'base64'), timings, Number(began)),
  };
};
