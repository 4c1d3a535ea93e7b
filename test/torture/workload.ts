import { src } from '../lab/support/host.ts';
import { quote } from '../lab/support/quote.ts';
import {
  deviceOf,
  type Entry,
  isVolumeChild,
  type Shape,
  sourceOf,
  treeChildren,
} from './entries.ts';

const below = (path: string): string => `${sourceOf.tree}/${path}`;
const treeFilesystems = [
  sourceOf.tree,
  ...treeChildren.filter((path) => !isVolumeChild(path)).map(below),
];
const treeVolumes = treeChildren.filter(isVolumeChild).map(below);
const volumes = [sourceOf.volume, ...treeVolumes];

/**
 * Small files, big files, deletes, renames and fsyncs in one filesystem, a few files in the others, blocks of the
 * volumes; for ever. A full pool does not end it.
 */
const program = `#!/bin/bash
n=$RANDOM
few=(${[sourceOf['two targets'], ...treeFilesystems].map((name) => `/${name}`).join(' ')})
disks=(${volumes.map(deviceOf).join(' ')})
while [ -e /run/torture-workload ]; do
  # Anew each time: a rollback changes what is below
  cd /${sourceOf.filesystem} && mkdir -p small big moved || exit 1
  n=$((n + 1))
  for i in 1 2 3; do head -c $((RANDOM % 20000)) /dev/urandom >"small/file $((n % 40)) $i"; done
  head -c $((RANDOM * 10)) /dev/urandom | dd of=big/$((n % 6)) conv=fsync status=none
  mv -f "small/file $((n % 40)) 1" "moved/$((n % 20))"
  rm -f "small/file $(((n + 20) % 40)) 2" big/$(((n + 3) % 6))
  date >>moved/log
  for d in "\${few[@]}"; do
    # What is not mounted has no such file, and would be written into the dataset above it
    [ -e "$d/file" ] && head -c $((RANDOM % 30000)) /dev/urandom >"$d/file $((n % 10))"
  done
  for d in "\${disks[@]}"; do
    head -c 65536 /dev/urandom | dd of="$d" bs=65536 seek=$((RANDOM % 32)) conv=nocreat,notrunc,fsync status=none
  done
  cd /
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

const noise = (bytes: number): string => `head -c ${bytes} /dev/urandom`;

/** What was written before is gone, so that a first full send of it gets no longer. */
const intoVolume = (bytes: number, volume: string): string => {
  const device = quote(deviceOf(volume));
  return `blkdiscard -o 4194304 ${device}; ${noise(bytes)} | dd of=${device} bs=1M seek=4 iflag=fullblock conv=nocreat,notrunc,fsync status=none`;
};

const intoFilesystem = (bytes: number, dataset: string): string =>
  `${noise(bytes)} >/${quote(dataset)}/much`;

/** The commands that write so much into a source of that shape. */
const writersOf: Readonly<Record<Shape, (bytes: number) => readonly string[]>> = {
  filesystem: (bytes) => [intoFilesystem(bytes, sourceOf.filesystem)],
  volume: (bytes) => [intoVolume(bytes, sourceOf.volume)],
  // So that each of the streams lasts a while.
  tree: (bytes) => {
    const part = Math.ceil(bytes / (treeFilesystems.length + treeVolumes.length));
    return [
      ...treeFilesystems.map((dataset) => intoFilesystem(part, dataset)),
      ...treeVolumes.map((volume) => intoVolume(part, volume)),
    ];
  },
  'two targets': (bytes) => [intoFilesystem(bytes, sourceOf['two targets'])],
};

/** So much more to send that a stream lasts a while. */
export const writeMuch = async ({ shape }: Entry, mebibytes: number): Promise<void> => {
  const writers = writersOf[shape](mebibytes * 2 ** 20);
  await src.run(`${writers.join('; ')}; zpool sync tank`);
};
