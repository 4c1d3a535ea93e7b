import { type Host, hostShown } from './place.ts';
import { pasteable } from './words.ts';

/** What a command that a person pastes needs to get there. */
interface Access {
  readonly sudo: boolean;
  readonly sshOptions: readonly string[];
}

/** A command for a person to run on a host, in a form that any shell there takes. */
export const commandOn = (
  host: Host,
  { sudo, sshOptions }: Access,
  command: readonly string[],
): string => {
  const words = pasteable(sudo ? ['sudo', ...command] : command);
  if (host.kind === 'here') return words;
  const options = sshOptions.flatMap((option) => ['-o', option]);
  const port = host.port === undefined ? [] : ['-p', String(host.port)];
  return pasteable(['ssh', ...options, ...port, hostShown(host), words]);
};
