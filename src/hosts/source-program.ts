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
 * Several zfs commands, one after the other, each a parameter with its words between tabs; of each it tells what it said and how it
 * ended. Parameters: 1 as above, then those.
 */
export const eachProgram = [
  environment,
  `sudo=$1; tab="\t"; shift; echo; echo ${sourceGreeting}; { echo; echo ${sourceGreeting}; } >&2;`,
  'for line in "$@"; do IFS=$tab; set -- $line; unset IFS; said=$($sudo zfs "$@" 2>&1); code=$?;',
  'echo "$said"; echo zferry-status $code; done',
].join(' ');

/**
 * What streams need around them: `stream` puts the bytes on standard output, and all else goes to standard error. The
 * program is found by its key as an agent is.
 */
const streaming = (key: string, stream: string): string =>
  [
    `: zferry-agent-${key};`,
    environment,
    'sudo=$1; pack=$2; beat=$3; mark=$4; shift 4;',
    'press() { case $1 in',
    ...compressorNames.map((name) => `${name}) ${compressors[name].compress.join(' ')};;`),
    'esac; };',
    'z() { $sudo zfs "$@"; };',
    stream,
    `{ echo; echo ${sourceGreeting}; } >&2; case $mark in ?*) echo; echo "$mark";; esac;`,
    'exec 4>&2; beating=$(sh -c "$beat" zferry-beat &) 2>/dev/null; exec 4>&-;',
    'case $pack in none) stream "$@";; *) stream "$@" | { press $pack; echo status pack $? >&2; };; esac;',
    'kill $beating 2>/dev/null; echo end send >&2',
  ].join(' ');

/**
 * `zfs send` and the compressor. Parameters: 1 as above, 2 the compression, 3 the beat, 4 the greeting where the login
 * prints something before it, then those of zfs.
 */
export const sendProgram = (key: string): string =>
  streaming(key, 'stream() { z "$@"; echo status send $? >&2; };');

/**
 * The streams of a convoy. Parameters 1 to 4 as above; its input has three lines for each: those that go before the
 * stream, and zfs's parameters between tabs. It ends with the first that fails.
 */
export const convoyProgram = (key: string): string =>
  streaming(
    key,
    [
      'tab="\t"; stream() { code=0; while IFS= read -r child && IFS= read -r words && IFS= read -r line;',
      'do echo "zferry-member $child" >&2; echo "$child"; echo "$words"; IFS=$tab; set -- $line; unset IFS;',
      'z "$@" </dev/null; code=$?; echo zferry-sent $code >&2; case $code in 0) ;; *) break;; esac; done;',
      'echo status send $code >&2; };',
    ].join(' '),
  );

/** Lets through what comes behind the line that ends with its parameter: `read` takes a pipe byte by byte. */
export const filterProgram =
  'while IFS= read -r line; do case $line in *"$1") exec cat;; esac; done; exit 1';
