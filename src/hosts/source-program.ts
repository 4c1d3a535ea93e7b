import { compressorNames, compressors } from './compressors.ts';

/**
 * What a source's host runs where that is another one; docs/PROTOCOL.md says what it speaks. By the rules of
 * agent-program.ts: no single quote, backslash, `!` or line break, and outside text only as positional parameters,
 * inside quotes.
 */
const environment =
  'LC_ALL=C; export LC_ALL; PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH; set -f;';

/** Says that what comes next is no longer the login's. */
export const sourceGreeting = 'zferry-source 1';

/** One zfs command. Parameters: 1 the word(s) before `zfs` (empty, or `sudo -n`), then those of zfs. */
export const askProgram = [
  environment,
  `sudo=$1; shift; echo; echo ${sourceGreeting}; { echo; echo ${sourceGreeting}; } >&2; exec $sudo zfs "$@"`,
].join(' ');

/**
 * `zfs send` and the compressor: the stream on standard output, all else on standard error. Parameters: 1 as above,
 * 2 the compression, 3 the beat, 4 the greeting where the login prints something before it, then those of zfs.
 * It is found by the key as an agent is.
 */
export const sendProgram = (key: string): string =>
  [
    `: zferry-agent-${key};`,
    environment,
    'sudo=$1; pack=$2; beat=$3; mark=$4; shift 4;',
    'press() { case $1 in',
    ...compressorNames.map((name) => `${name}) ${compressors[name].compress.join(' ')};;`),
    'esac; };',
    'z() { $sudo zfs "$@"; };',
    `{ echo; echo ${sourceGreeting}; } >&2; case $mark in ?*) echo; echo "$mark";; esac;`,
    'exec 4>&2; beating=$(sh -c "$beat" zferry-beat &) 2>/dev/null; exec 4>&-;',
    'case $pack in none) z "$@"; echo status send $? >&2;;',
    '*) { z "$@"; echo status send $? >&2; } | { press $pack; echo status pack $? >&2; };; esac;',
    'kill $beating 2>/dev/null; echo end send >&2',
  ].join(' ');

/** Lets through what comes behind the line that ends with its parameter: `read` takes a pipe byte by byte. */
export const filterProgram =
  'while IFS= read -r line; do case $line in *"$1") exec cat;; esac; done; exit 1';
