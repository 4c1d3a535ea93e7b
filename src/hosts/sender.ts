import type { Ending } from './child.ts';
import type { Compression } from './compressors.ts';
import type { RemoteHost } from './place.ts';
import { signalIn } from './shell-status.ts';
import { sourceGreeting } from './source-program.ts';

/** The command that writes a stream, and what is to be known of it. */
export interface Sender {
  readonly argv: readonly [string, ...string[]];
  /** What it reads; nothing unless given. */
  readonly input?: string | undefined;
  /** True where it compresses too. */
  readonly packs: boolean;
  /** The command between it and the rest that lets only the stream through, where its login prints something. */
  readonly filter?: readonly [string, ...string[]] | undefined;
  /** Takes a line of its standard error, and hands to `next` what is of zfs; answers true for one that is no complaint. */
  readonly hear: (line: string, next: (line: string) => boolean) => boolean;
  /** Changes as long as it is known to get on. */
  readonly pulse: () => string;
  /** How each process behind it ended. */
  readonly endings: (ending: Ending) => readonly Ending[];
}

/** A sender on this host: zfs itself. */
export const plainSender = (argv: Sender['argv']): Sender => ({
  argv,
  packs: false,
  hear: (line, next) => next(line),
  pulse: () => '',
  endings: (ending) => [ending],
});

const ended = (program: string, status: number | undefined, said: readonly string[]): Ending => {
  const signal = signalIn(status ?? 0);
  return { program, exitCode: signal === undefined ? status : undefined, signal, said };
};

/** What a client of a master's says when that is gone: ssh's own words about itself. */
const isOfClient = (line: string): boolean => /^(mux_client|Shared connection to )/.test(line);

/** Listens to a sender behind ssh, which speaks as docs/PROTOCOL.md says. */
export const remoteSender = (
  argv: Sender['argv'],
  host: RemoteHost,
  compression: Compression,
  filter: Sender['filter'],
  input?: string,
): Sender => {
  const isOfPack = (line: string) => line.startsWith(`${compression}:`);
  const before: string[] = [];
  const statuses = new Map<string, number>();
  let isGreeted = false;
  let isComplete = false;
  let pulse = '';
  const hear: Sender['hear'] = (line, next) => {
    if (!isGreeted) {
      isGreeted = line.endsWith(sourceGreeting);
      if (!isGreeted) before.push(line);
      return true;
    }
    const [, stage = '', status] = /^status (send|pack) ([0-9]{1,3})$/.exec(line) ?? [];
    if (status !== undefined) statuses.set(stage, Number(status));
    else if (line === 'end send') isComplete = true;
    else if (/^beat\b/.test(line)) pulse = line;
    else return !isOfPack(line) && next(line);
    return true;
  };
  const endings: Sender['endings'] = (ending) => {
    const said = ending.said.filter((line) => !isOfClient(line));
    if (!isComplete) return [{ ...ending, host, said: isGreeted ? said : [...before, ...said] }];
    const zfs = ended(
      'zfs',
      statuses.get('send'),
      said.filter((line) => !isOfPack(line)),
    );
    return compression === 'none'
      ? [zfs]
      : [zfs, ended(compression, statuses.get('pack'), said.filter(isOfPack))];
  };
  return { argv, input, packs: true, filter, hear, pulse: () => pulse, endings };
};
