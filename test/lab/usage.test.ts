import { afterAll, beforeAll, describe, test } from 'vitest';
import { src } from './support/host.ts';
import { expectRefused } from './support/outcome.ts';
import { freshPair, type Pair } from './support/pair.ts';
import { without } from './support/programs.ts';
import { quote } from './support/quote.ts';

let pair: Pair;
beforeAll(async () => {
  pair = await freshPair();
});
afterAll(async () => pair.remove());

const seeHelp = 'see zferry --help';
const elsewhere = 'name another dataset or another host';

/** A wrong command line: it ends before anything could be locked or asked. tank/vm stands for the pair's source. */
const wrong = (words: readonly string[], error: string, hint?: string) => {
  const fill = (text: string) => text.replaceAll('tank/vm', pair.source);
  test(`zferry ${words.map(quote).join(' ')}`, async () => {
    const act = () => without(src, ['flock', 'ssh'], () => pair.zferry(...words.map(fill)));
    const complaint = { exitCode: 2, error: fill(error), hint: hint && fill(hint) };
    await expectRefused(pair, act, complaint);
  });
};

describe('an option that does not exist or has a wrong value', () => {
  wrong(['tank/vm', 'dst', '--force'], "unknown option '--force'", seeHelp);
  wrong(
    ['tank/vm', 'dst', '--compres', 'none'],
    "unknown option '--compres'",
    'Did you mean --compress?',
  );
  wrong(
    ['tank/vm', 'dst', '--compress', 'xz'],
    "unknown compressor 'xz'",
    '--compress takes lzop, zstd, lz4, gzip, auto or none',
  );
  wrong(
    ['tank/vm', 'dst', '--stall', '5'],
    "--stall: '5' is not a time above 0 with its unit, such as 90s, 10m or 2h",
  );
  wrong(
    ['tank/vm', 'dst', '--rate', '0'],
    "--rate: '0' is not a number of bytes above 0, such as 500K, 10M or 1.5G",
  );
  wrong(
    ['tank/vm', 'dst', '--rate', '-5M'],
    "--rate: '-5M' is not a number of bytes above 0, such as 500K, 10M or 1.5G",
  );
  wrong(
    ['tank/vm', 'dst', '--persist', '0'],
    "--persist: '0' is not a time above 0 with its unit, such as 90s, 10m or 2h",
  );
  wrong(['tank/vm', 'dst', '--persist', '2d'], "--persist: '2d' is longer than 24 hours");
  wrong(['tank/vm', 'dst', '--keep', '0'], "--keep: '0' is not a whole number above 0");
  wrong(
    ['tank/vm', 'dst', '--keep-target', 'last=2 often=3'],
    "--keep-target: 'often=3' is no part of a retention policy",
    'write words such as last=2 hourly=24; the words are last, hourly, daily, weekly, monthly, yearly',
  );
  wrong(
    ['tank/vm', 'dst', '--keep-target', 'last=0 hourly=24'],
    "--keep-target: 'last=0' is no part of a retention policy",
    'write words such as last=2 hourly=24; the words are last, hourly, daily, weekly, monthly, yearly',
  );
  wrong(
    ['tank/vm', 'dst', '--name-format', 'nightly'],
    "the name format 'nightly' has no time in it",
  );
  wrong(
    ['tank/vm', 'dst', '--name-format', 'a%Qb'],
    "the name format 'a%Qb' has a directive that zferry does not know",
    'it knows %Y %m %d %H %M %S %F %T %j %y %b %B and %L',
  );
  wrong(
    ['tank/vm', 'dst', '--name-format', '%Y@%m'],
    "the snapshot name '1970@01' has a character that ZFS does not allow (letters, digits, space and _ . : - are)",
  );
  wrong(
    ['tank/vm', 'dst', '--keep', '3', '--name-format', '%F %T'],
    "the name format '%F %T' has no word of its own, so that --keep could destroy other snapshots",
    'leave --keep and --keep-target out, or give the format a word, such as zferry_%Y-%m-%d_%H:%M:%S',
  );
  wrong(
    ['tank/vm', 'dst', '--log-format', 'xml'],
    "option '--log-format <form>' argument 'xml' is invalid. Allowed choices are text, json.",
    seeHelp,
  );
});

describe('a place that is missing or malformed', () => {
  wrong([], "missing required argument 'source'", seeHelp);
  wrong(['tank/vm'], "missing required argument 'target'", seeHelp);
  wrong(['vm', 'dst'], "'vm' names no dataset", 'for the root of the pool on this host write :vm');
  wrong(['tank//vm', 'dst'], "the dataset name 'tank//vm' has an empty component");
  wrong(['tank/vm', 'dst:'], "the dataset name '' has an empty component");
  wrong(
    ['tank/v$(reboot)', 'dst'],
    "the dataset name 'tank/v$(reboot)' has a character that ZFS does not allow (letters, digits, space and _ . : - are)",
  );
  wrong(['tank/vm', 'ssh://dst:0/tank/vm'], "'0' is not a port");
  wrong(
    ['tank/vm', 'ssh://'],
    "'ssh://' is not a place",
    'write ssh://[user@]host[:port]/pool/dataset',
  );
  wrong(['tank/vm', '-oProxyCommand=reboot'], "unknown option '-oProxyCommand=reboot'", seeHelp);
  const alias = 'give the host a plain name in the ssh configuration (Host and HostName)';
  wrong(
    ['tank/vm', 'root@-oProxyCommand'],
    "'-oProxyCommand' is not a host name that zferry hands to ssh",
    alias,
  );
  wrong(
    ['tank/vm', 'EXAMPLE\\me@dst'],
    "'EXAMPLE\\\\me' is not a user name that zferry hands to ssh",
    'write it behind User in the ssh configuration of this host',
  );
  wrong(['tank/vm', '-x@dst:tank/vm'], "unknown option '-x@dst:tank/vm'", seeHelp);
  wrong(
    ['tank/vm', 'ssh://-oProxyCommand=reboot/tank/vm'],
    "'-oProxyCommand=reboot' is not a host name that zferry hands to ssh",
    alias,
  );
});

describe('a place that cannot be what it is meant for', () => {
  wrong(
    ['doctor', '-r', 'dst:tank/vm', 'dst:tank/vm/copy'],
    'the target dst:tank/vm/copy is inside its own source dst:tank/vm',
    elsewhere,
  );
  wrong(
    ['run', '-r', 'tank/vm', 'dst:tank/copies', 'root@dst:tank/copies/vm'],
    'the target root@dst:tank/copies/vm is inside another one, dst:tank/copies',
    'give each copy of a tree a place of its own',
  );
  wrong(
    ['prime', '-r', '--replace', 'tank/vm', 'dst'],
    '--replace is for one dataset, not for a tree',
    'replace the datasets that need it one by one, without --recursive',
  );
  wrong(
    ['tank/vm', 'dst:tank'],
    'the target dst:tank is the root of a pool, which would need a forced receive',
    'write a dataset below it, such as dst:tank/replica',
  );
  wrong(
    [':tank', 'dst'],
    'the target dst is the root of a pool, which would need a forced receive',
    'write a dataset below it, such as dst:tank/replica',
  );
  wrong(
    ['tank/vm', 'dst', 'other', 'root@dst:tank/vm'],
    'the target root@dst:tank/vm is named twice, once as dst',
    'name each target once',
  );
  wrong(
    ['tank/vm', ...Array.from({ length: 33 }, (_, index) => `host${String(index)}`)],
    '33 targets in one command; there can be 32',
    'write a second crontab line for the others',
  );
  wrong(['tank/vm', 'localhost'], 'localhost is the source itself', elsewhere);
  wrong(['run', '-r', 'dst:tank/vm', 'dst:tank/vm'], 'dst:tank/vm is the source itself', elsewhere);
  wrong(
    ['tank/vm', 'tank/vm/copy'],
    'the target tank/vm/copy is inside its own source tank/vm',
    elsewhere,
  );
  wrong(
    ['run', '-r', 'dst:tank/vm/a', 'dst:tank/vm'],
    'the source dst:tank/vm/a is inside its own target dst:tank/vm',
    elsewhere,
  );
  wrong(
    ['tank/vm', ':usb'],
    'the target :usb is the root of a pool, which would need a forced receive',
    'write a dataset below it, such as :usb/replica',
  );
});
