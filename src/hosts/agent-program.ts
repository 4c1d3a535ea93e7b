import { markProperty, supersededMark } from '../zfs/marks.ts';
import { storedBlockFeatures } from '../zfs/send.ts';
import { asideSuffix, freshSuffix } from '../zfs/siblings.ts';
import { compressorNames, compressors } from './compressors.ts';
import { convoyLines } from './convoy-agent.ts';
import { inspectionArguments } from './inspection.ts';
import { datasetProperties } from './target-facts.ts';

/**
 * What a session is about: `steps` is one dataset that may be sent several streams one behind the other, `lane` one more
 * session for a tree, which only takes a convoy and tells no facts.
 */
export type Scope = 'dataset' | 'steps' | 'tree' | 'lane';

const isTree = (scope: Scope): boolean => scope === 'tree';

const takesConvoy = (scope: Scope): boolean => scope !== 'dataset';

const told = 'z get -Hp -o name,property,value';
const properties = datasetProperties.join(',');
const tellOne = `${told} "${properties}\${known:+,written@$known}" "$parent" "$target" "$aside" 2>&1;`;
const snapshotColumns = `-o name,guid,createtxg,${markProperty}`;
const tellAround = `${told} ${properties} "$parent" "$aside" 2>&1;`;
// One listing tells of the datasets and of their snapshots: it opens each once.
const listBelow = `z list -Hp -r -t filesystem,volume,snapshot ${snapshotColumns},${properties} "$target" 2>&1`;
const listOne = `z list -Hp -d 1 -t snapshot ${snapshotColumns} "$target" 2>&1`;

/**
 * The program that runs on the target for one cycle, in POSIX sh; docs/PROTOCOL.md says what it speaks.
 *
 * Every login shell has to pass it on unharmed, so it has no single quote, backslash, `!` or line break
 * (the lines below are joined): fish reads backslashes inside single quotes, tcsh reads `!` and line
 * breaks there. That is why there is no `$!`, no `!=` and no `\n` here. It takes no text from outside but
 * its positional parameters and the one line that it reads; both are only ever expanded inside quotes.
 *
 * Parameters: 1 target dataset, 2 its parent, 3 its pool, 4 the word(s) before `zfs` (empty, or `sudo -n`),
 * 5 the program {@link beatProgram}, 6 the label of the one snapshot that the first facts are to tell of (empty: all),
 * 7 for a tree the channel program.
 * `ps` is asked without options beyond POSIX, and some systems cut its lines at 80 characters: therefore
 * the key that later agents look for is the first thing in the program.
 */
const lines = (key: string, scope: Scope): readonly string[] => [
  `: zferry-agent-${key};`,
  'LC_ALL=C; export LC_ALL;',
  'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH;',
  'target=$1; parent=$2; pool=$3; sudo=$4; beat=$5; known=$6; many=$7; tab="\t"; swept=$tab; strange=$tab; set -f;',
  `fresh=$target${freshSuffix}; aside=$target${asideSuffix};`,
  'z() { $sudo zfs "$@"; };',

  // A shell reads a pipe byte by byte, and the lines in question hold this whole program: only their begin is read.
  `agents() { ps -A -o pid= -o pgid= -o args= | grep -e "sh -c : zferry-agent-${key};" | cut -c 1-120 |`,
  `while read -r pid group words; do case $words in "sh -c : zferry-agent-${key};"*) echo $pid $group;; esac; done; };`,

  // The process group is what a predecessor is ended by: sshd gives each session one of its own. Its shell
  // goes at once, but its zfs receive stays until its transaction group is out: the whole group is awaited.
  'own() { agents | while read -r pid group; do case $pid in $$) echo $group;; esac; done; };',
  'others() { agents | while read -r pid group; do case $group in $mine|0|1) ;; *) echo $group;; esac; done; };',
  'signal() { for group in $old; do kill -s $1 -- -$group 2>/dev/null; done; };',
  'living() { ps -A -o pgid= | while read -r group; do case " $old " in *" $group "*) echo $group;; esac; done; };',
  'gone() { n=0; while [ -n "$(living)" ]; do n=$((n + 1)); if [ $n -gt 10 ]; then return 1; fi; sleep 1; done; };',
  'replace() { mine=$(own); old=$(echo $(others)); signal TERM; signal CONT; gone || { signal KILL; gone; };',
  'for group in $(living); do echo agent 0 $group; done; };',

  'facts() { echo section facts; echo self $$; agents | while read -r pid group; do echo agent $pid $group; done;',
  `for name in zfs ${compressorNames.join(' ')};`,
  'do if command -v $name >/dev/null 2>&1; then echo has $name; fi; done;',
  `echo section properties; ${isTree(scope) ? tellAround : tellOne}`,
  `case $known in "") echo section snapshots; ${isTree(scope) ? listBelow : listOne};;`,
  // One by name costs the same however many there are.
  `*) echo section known; z list -Hp -t snapshot ${snapshotColumns} "$target@$known" 2>&1;; esac; echo status list $?;`,
  // The last question: of a pool that is exported meanwhile zfs lists nothing, at times without a word.
  // A zpool that does not know one of the features (OpenZFS 0.8, illumos) answers none of the question.
  `echo section pool; { zpool get -Hp -o property,value guid,${storedBlockFeatures.join(',')} "$pool" 2>/dev/null`,
  '|| zpool get -Hp -o property,value guid "$pool" 2>&1; };',
  'echo end facts; };',

  'unpack() { case $1 in',
  ...compressorNames.map((name) => `${name}) ${compressors[name].decompress.join(' ')};;`),
  'esac; };',
  'take() { way=$1; set --; case $way in plain-*) set -- -o encryption=off; way=${way#plain-};; esac;',
  'case ${way%%+*} in full) set -- "$@" -o readonly=on -o canmount=noauto;; volume) set -- "$@" -o readonly=on;; esac;',
  'case $way in *+*) IFS=+; for name in ${way#*+}; do set -- "$@" -x "$name"; done; unset IFS;; esac;',
  'z receive -s -u -v "$@" "$target"; code=$?; echo status receive $code; };',
  // The beat says its own pid first: `$!`, which would tell it, is one of the things that tcsh spoils.
  'watch() { exec 4>&1; beating=$(sh -c "$beat" zferry-beat &) 2>/dev/null; exec 4>&-; };',
  'receive() { mode=$2; pack=$3; guid=$4; label=$5; shift 5; echo section receive;',
  'watch; case $pack in none) take $mode 2>&1;;',
  '*) { { unpack $pack; echo status decompress $? >&3; } 2>&3 | take $mode >&3 2>&3; } 3>&1;; esac;',
  'kill $beating 2>/dev/null;',
  'echo section after; seen=$(look "$@"); echo "$seen"; echo section prune;',
  'if known $guid "$label"; then unmark; for pair in "$@"; do prune "${pair%%=*}" "${pair#*=}"; done; else elsewhere; fi;',
  'echo end receive; };',
  // With its properties a stream brings the snapshot's mark, which says something of the source only. -x does not keep it off.
  `unmark() { case $mode in *+*) said=$(z inherit ${markProperty} "$target@$label" 2>&1) || echo "marked $said";; esac; };`,
  // Somebody may have renamed it already: then the source must not take its own back.
  'elsewhere() { echo section others; z list -Hp -d 1 -t snapshot -o type,guid,name "$target" 2>&1; echo status others $?; };',

  // Nothing is destroyed but what the line named, by name and guid, and only when the new one is there.
  'look() { for pair in "$@"; do shift; set -- "$@" "$target@${pair#*=}"; done;',
  'z list -Hp -t filesystem,volume,snapshot -o type,guid,name,readonly,receive_resume_token "$target" "$target@$label" "$@" 2>&1; };',
  'known() { case $seen in *"snapshot$tab$1$tab$target@$2$tab"*) return 0;; *) return 1;; esac; };',
  // What a convoy has swept already, or found to be no more what it was, is only told of.
  'prune() { if known $1 "$2"; then code=0; said=; case $swept in *"$tab$target@$2$tab"*) ;; *)',
  'case $strange in *"$tab$target@$2$tab"*) echo "pruned 1/$2/it is not what it was"; return;; esac;',
  'said=$(z destroy "$target@$2" 2>&1); code=$?;; esac; echo "pruned $code/$2/$said";',
  // What cannot go now (a hold, a clone) is marked, so that a later cycle knows that it may.
  `case $code in 0) ;; *) z set ${markProperty}=${supersededMark} "$target@$2" 2>&1;; esac; fi; };`,

  // What a person asked for with a flag. Each names what it is for by guid too, and asks zfs before it acts.
  'is() { case $(z get -Hp -o value guid "$1" 2>&1) in "$2") return 0;; *) echo "$1 is not what it was"; return 1;; esac; };',
  'abort() { z receive -A "$target"; };',
  'rollback() { is "$target@$2" "$1" && z rollback -r "$target@$2"; };',
  // For a filesystem without mounting or unmounting anything; of a volume zfs does not take that word.
  'move() { case $(z get -Hp -o value type "$1" 2>&1) in volume) z rename "$1" "$2";; *) z rename -u "$1" "$2";; esac; };',
  'aside() { is "$target" "$1" && move "$target" "$aside"; };',
  'promote() { is "$fresh" "$1" && move "$fresh" "$target"; };',
  // Not -r: that would take a dataset below it that nobody has seen. `@%` goes as a whole or not at all.
  'discard() { is "$aside" "$1" && { z destroy "$aside@%"; z destroy "$aside"; }; };',
  `inspect() { echo section inspection; z list ${inspectionArguments} "$target" "$fresh" "$aside" 2>&1; echo end inspection; };`,
  // Where a snapshot of that guid is: beside the target, or else anywhere in its pool.
  'held() { z list -Hp "$@" -t snapshot -o guid,name 2>&1 | grep "^$guid$tab"; };',
  'seek() { guid=$1; echo section seek; held -r -d 2 "$parent" || held -r "$pool"; echo end seek; };',
  'act() { echo section "$1"; "$@" 2>&1; echo status "$1" $?; facts; };',

  ...(takesConvoy(scope) ? convoyLines : []),

  // The empty line ends whatever the login printed without a line break of its own.
  // Only the first facts may be short: whoever asks again wants to know all.
  `echo; echo zferry-agent 1 ${key};${scope === 'lane' ? '' : ' facts;'} known=;`,
  'while IFS= read -r line; do IFS=/; set -- $line; unset IFS; case $1 in',
  'list) facts;;',
  'replace) replace; facts;;',
  'abort|rollback|aside|promote|discard) act "$@";;',
  'inspect) inspect;;',
  'seek) seek "$2";;',
  'receive) receive "$@"; exit 0;;',
  ...(takesConvoy(scope) ? ['convoy) convoy "$@"; exit 0;;', 'parents) act "$@";;'] : []),
  '*) exit 0;; esac; done',
];

/**
 * Runs beside a receive and says every so many seconds how much CPU time its processes have used and, where
 * there is a Linux /proc, how many bytes they moved and how often they waited for something and got it: that
 * tells one that works from one that hangs. It lets go of the command substitution that reads its pid, and
 * nothing that it starts holds the session open.
 */
export const beatProgram = (seconds: number): string =>
  [
    // On this host what it starts would hold the locks behind 4 on beyond the session.
    'echo $$; exec >&4 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; mine=;',
    'own() { ps -A -o pid= -o pgid= | while read -r pid group; do case $pid in $$) echo $group;; esac; done; };',
    'waits() { while read -r name count; do case $name in voluntary*) echo $count;; esac; done </proc/$1/status; };',
    'work() { ps -A -o pid= -o pgid= -o time= -o comm= | while read -r pid group time name;',
    `do case $group/$name in $mine/*zfs|${compressorNames.map((name) => `$mine/*${name}`).join('|')}) echo $time; cat /proc/$pid/io 2>/dev/null; waits $pid 2>/dev/null;; esac; done; };`,
    // A short receive ends before the first beat, and pays for none.
    `while sleep ${seconds} >/dev/null 2>&1; do case $mine in ?*) ;; *) mine=$(own);; esac; echo beat $(work); done`,
  ].join(' ');

/**
 * The whole program in one line, for the pair that `key` (lower-case hexadecimal) stands for. For a tree it tells
 * of all datasets below the target too, and takes a convoy, as it does for steps.
 */
export const agentProgram = (key: string, scope: Scope = 'dataset'): string =>
  lines(key, scope).join(' ');
