import { totalmem } from 'node:os';
import process from 'node:process';

/** Whether the hosts are namespaces over this machine's own OpenZFS. One kernel then serves both. */
export const OWN = process.env['ZFERRY_LAB_HOSTS'] === 'own';

/** Two pairs of guests and this machine's own business. */
const enoughMemory = 6 * 2 ** 30;

/**
 * How many labs the files of test/lab are spread over. A guest waits about half of its time, for the other one or for
 * what is to time out: two pairs get through the tests in little more than half of the time of one.
 */
export const LABS = OWN || totalmem() < enoughMemory ? 1 : 2;

/** Which of them this process works with, from 1: vitest gives each of its workers a number. */
export const LAB = Math.min(LABS, Number(process.env['VITEST_POOL_ID'] ?? 1));

const first = process.env['ZFERRY_LAB_STATE'] ?? '/var/lib/zferry-lab';

/** What tells scripts/lab which of them is meant. */
export const environmentOf = (nth: number): Readonly<Record<string, string>> =>
  nth === 1
    ? {}
    : {
        ZFERRY_LAB_STATE: `${first}-${nth}`,
        // The source works more than the target: on two processors each gets one of both.
        ZFERRY_LAB_CPU: '1',
      };

/** As scripts/lab has it. */
export const STATE = `${environmentOf(LAB)['ZFERRY_LAB_STATE'] ?? first}${OWN ? '-own' : ''}`;
