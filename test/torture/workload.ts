import { src } from '../lab/support/host.ts';
import { SOURCE } from './pairs.ts';

/** Small files, big files, deletes, renames and fsyncs, for ever; a full pool does not end it. */
const program = `#!/bin/bash
n=$RANDOM
while [ -e /run/torture-workload ]; do
  # Anew each time: a rollback changes what is below
  cd /${SOURCE} && mkdir -p small big moved || exit 1
  n=$((n + 1))
  for i in 1 2 3; do head -c $((RANDOM % 20000)) /dev/urandom >"small/file $((n % 40)) $i"; done
  head -c $((RANDOM * 10)) /dev/urandom | dd of=big/$((n % 6)) conv=fsync status=none
  mv -f "small/file $((n % 40)) 1" "moved/$((n % 20))"
  rm -f "small/file $(((n + 20) % 40)) 2" big/$(((n + 3) % 6))
  date >>moved/log
  sleep 2
done 2>/dev/null
`;

export const installWorkload = async (): Promise<void> => {
  await src.write('/usr/local/bin/torture-workload', program);
  await src.ok('chmod 755 /usr/local/bin/torture-workload');
};

/** Starts it where it does not run, which is so after a power cut. */
export const keepWorking = async (): Promise<void> => {
  await src.ok(
    'touch /run/torture-workload; pgrep -f torture-[w]orkload$ >/dev/null || setsid -f /usr/local/bin/torture-workload </dev/null >/dev/null 2>&1',
  );
};

export const stopWorking = async (): Promise<void> => {
  await src.run(
    'rm -f /run/torture-workload; n=0; while pgrep -f torture-[w]orkload$ && [ $n -lt 50 ]; do n=$((n+1)); sleep 0.1; done; true',
  );
};

/** So much more to send that a stream lasts a while. */
export const writeMuch = async (mebibytes: number): Promise<void> => {
  await src.run(`head -c ${mebibytes * 2 ** 20} /dev/urandom >/${SOURCE}/much; zpool sync tank`);
};
