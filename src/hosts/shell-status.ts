import { constants } from 'node:os';

/** The signal that ended a process, where sh says so: it tells that by 128 and the signal's number. */
export const signalIn = (status: number): NodeJS.Signals | undefined =>
  Object.entries(constants.signals).find(([, value]) => value === status - 128)?.[0] as
    | NodeJS.Signals
    | undefined;
