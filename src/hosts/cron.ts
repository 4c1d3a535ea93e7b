import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';
import { isInstalled } from './environment.ts';
import type { Tether } from './tether.ts';

/** A crontab's name and text. */
export interface Crontab {
  readonly file: string;
  readonly text: string;
}

const read = (file: string): readonly Crontab[] => {
  try {
    return [{ file, text: readFileSync(file, 'utf8') }];
  } catch {
    return [];
  }
};

const names = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

/** This user's crontab and the system's, as far as this user may read them. */
export const readCrontabs = async (tether: Tether): Promise<readonly Crontab[]> => {
  const own = isInstalled('crontab') ? await run(['crontab', '-l'], tether) : undefined;
  return [
    ...(own?.exitCode === 0 ? [{ file: 'crontab -l', text: own.stdout }] : []),
    ...read('/etc/crontab'),
    ...names('/etc/cron.d').flatMap((name) => read(join('/etc/cron.d', name))),
  ];
};

const daemons = new Set(['cron', 'crond', 'fcron', 'dcron', 'bcron-sched', 'cronie']);

/** True where one of the usual crons runs on this host, or nobody can tell. */
export const runsCron = (): boolean => {
  const processes = names('/proc').filter((name) => /^[0-9]+$/.test(name));
  return (
    processes.length === 0 ||
    processes.some((pid) => {
      const [comm] = read(`/proc/${pid}/comm`);
      return comm !== undefined && daemons.has(comm.text.trim());
    })
  );
};
