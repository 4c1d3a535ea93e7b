import { setTimeout } from 'node:timers/promises';
import { dst, src } from '../../lab/support/host.ts';
import { wire } from '../../lab/support/wire.ts';
import { run } from '../entries.ts';
import { everyMoment, inTheStream } from '../tap.ts';
import { type Fault, nothing, type Scene } from './fault.ts';

const cutFor = (seconds: number): Fault => ({
  name: `wire cut for ${seconds} s`,
  healing: 'itself',
  moments: everyMoment,
  strike: async () => {
    await wire.cut();
    await setTimeout(seconds * 1000);
    await wire.join();
    return nothing;
  },
});

/** Longer than a cycle goes on without an answer. */
const cutForGood: Fault = {
  name: 'wire cut until the cycle gave up',
  healing: 'itself',
  moments: ['idle', ...everyMoment],
  strike: async () => {
    await wire.cut();
    return { heal: wire.join };
  },
};

/** src never tells dst that the connection is over: there the old receive waits for hours. */
const orphanedReceive: Fault = {
  name: 'an old receive alive behind a cut wire',
  healing: 'itself',
  moments: inTheStream,
  alone: true,
  strike: async () => {
    await wire.cut();
    await src.unplug();
    return {
      heal: async () => {
        await src.boot();
        await wire.join();
      },
    };
  },
};

/** What has gathered for minutes would take minutes on such a wire. */
const catchUp = async ({ entry }: Scene): Promise<void> => {
  const { exitCode, stderr } = await run('run', entry);
  if (exitCode !== 0) throw new Error(`not current before the wire got slow: ${stderr}`);
};

const bad: Fault = {
  name: '200 ms and 5 % loss',
  healing: 'itself',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await catchUp(scene);
    await wire.delay(200);
    await wire.loss(5);
    return { heal: wire.clear };
  },
};

const slow: Fault = {
  name: '1 Mbit/s',
  healing: 'itself',
  moments: ['idle'],
  alone: true,
  strike: async (scene) => {
    await catchUp(scene);
    await wire.rate(1000);
    return { heal: wire.clear };
  },
};

/**
 * Sends src a reset for its ssh connection: what the next packet from there acknowledges is the number that
 * a reset must have to be believed (RFC 5961).
 */
const resetProgram = `
import socket, struct
heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
heard.settimeout(3)
said = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
here, there = socket.inet_aton("10.99.1.2"), socket.inet_aton("10.99.1.1")
while True:
    packet = heard.recv(65535)
    length = (packet[0] & 15) * 4
    if packet[9] != 6 or packet[12:16] != there or packet[16:20] != here: continue
    source, destination, _, acknowledged = struct.unpack("!HHII", packet[length:length + 12])
    if destination != 22 or not packet[length + 13] & 16: continue
    header = struct.pack("!HHIIBBHHH", 22, source, acknowledged, 0, 80, 4, 0, 0, 0)
    words = struct.unpack("!16H", here + there + struct.pack("!BBH", 0, 6, 20) + header)
    total = sum(words)
    while total >> 16: total = (total & 65535) + (total >> 16)
    said.sendto(header[:16] + struct.pack("!H", 65535 - total) + header[18:], ("10.99.1.1", 0))
    break
`;

const reset: Fault = {
  name: "ssh's connection reset",
  healing: 'itself',
  moments: inTheStream,
  strike: async () => {
    await dst.run('python3 -', { input: resetProgram, timeout: 60_000 });
    return nothing;
  },
};

/** How long a first full send takes on these is no matter of faults. */
export const slowWires: readonly Fault[] = [bad, slow];

export const wireFaults: readonly Fault[] = [
  cutFor(1),
  cutFor(60),
  cutForGood,
  orphanedReceive,
  ...slowWires,
  reset,
];
