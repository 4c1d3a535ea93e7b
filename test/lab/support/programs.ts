import type { Host } from './host.ts';
import { quote } from './quote.ts';

/** Does something while a host has none of these programs. Nothing changes on its disk: a reboot has them back. */
export const without = async <T>(
  host: Host,
  programs: readonly string[],
  act: () => Promise<T>,
): Promise<T> => {
  const paths = await host.ok(`which ${programs.map(quote).join(' ')}`);
  // Neither a shell nor access(2) takes a device for a program
  await host.ok(
    `for path in ${paths.split('\n').join(' ')}; do mount --bind /dev/null $path; done`,
  );
  try {
    return await act();
  } finally {
    await host.ok(`umount ${paths.split('\n').join(' ')}`);
  }
};
