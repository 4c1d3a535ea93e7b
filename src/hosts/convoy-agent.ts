import { mostInProgram } from './channel-program.ts';

/**
 * After so many streams the target looks at what came of them, prunes and tells, before it goes on: their source records
 * and prunes meanwhile, which would else be left for the end. Each look costs a listing and a channel program.
 */
export const streamsPerLeg = 16;

/**
 * The part of the agent's program that a tree needs, by the rules of agent-program.ts: several streams one behind the
 * other in one session, each with two lines of its own in front. `zfs receive` reads its own stream to the last byte and
 * no further (a stream ends with a record of its own), and `read` takes a line from a pipe byte by byte.
 *
 * When one stream is not received, where the next begins is not known any more: the convoy ends there. What stands between
 * two streams must not read the pipe that they come by.
 */
export const convoyLines: readonly string[] = [
  'convoy() { pack=$2; root=$target; echo section convoy; watch; case $pack in none) carry 2>&1;;',
  '*) { { unpack $pack; echo status decompress $? >&3; } 2>&3 | carry >&3 2>&3; } 3>&1;; esac;',
  'kill $beating 2>/dev/null; echo end convoy; };',

  // Each member: where below the root, then MODE/GUID/LABEL[/GUID=LABEL]…
  'carry() { set --; while IFS= read -r child && IFS= read -r words; do target=$root${child#.}; set -- "$@" "$child" "$words";',
  'echo "into $child"; take "${words%%/*}"; case $code in 0) ;; *) break;; esac;',
  `case $# in ${2 * streamsPerLeg}) leg "$@" </dev/null; set --;; esac; done; exec </dev/null;`,
  'case $# in 0) ;; *) leg "$@";; esac; };',
  'leg() { echo into; echo section after; seen=$(sight "$@"); echo "$seen"; sweep "$@";',
  'while [ $# -gt 1 ]; do target=$root${1#.}; echo "into $1"; tidy "$2"; shift 2; done; echo end leg; };',
  'sight() { left=$#; while [ $left -gt 0 ]; do at=$root${1#.}; words=$2; shift 2; left=$((left - 2)); set -- "$@" "$at"; nth=0; IFS=/;',
  'for word in $words; do nth=$((nth + 1)); case $nth in 1|2) ;; *) set -- "$@" "$at@${word#*=}";; esac; done; unset IFS; done;',
  'z list -Hp -t filesystem,volume,snapshot -o type,guid,name,readonly,receive_resume_token "$@" 2>&1; };',
  // What is to go of all members goes by one channel program, where this user may run one. The rest is for prune.
  'sweep() { due=; count=0; while [ $# -gt 1 ]; do target=$root${1#.}; nth=0; IFS=/; for word in $2; do nth=$((nth + 1)); case $nth in 1) ;; 2) guid=$word;;',
  '3) known $guid "$word" || break;; *) owe "${word%%=*}" "${word#*=}";; esac; done; unset IFS; shift 2;',
  `if [ $count -ge ${mostInProgram} ]; then flush; fi; done; flush; };`,
  'owe() { if known $1 "$2"; then due=$due${due:+$tab}destroy$tab$target@$2$tab$1; count=$((count + 1)); fi; };',
  'flush() { case $count in 0|1) ;; *) IFS=$tab; set -- $due; unset IFS; codes=$(echo "$many" | z program -j "$pool" - "$@" 2>/dev/null);',
  'case $codes in *"done "*) for code in ${codes##*done }; do case $# in 0) break;; esac; case $code in 0) swept=$swept$2$tab;; -1) strange=$strange$2$tab;; esac; shift 3; done;; esac;; esac;',
  'due=; count=0; };',
  'tidy() { IFS=/; set -- $1; unset IFS; mode=$1; guid=$2; label=$3; shift 3; echo section prune;',
  'if known $guid "$label"; then unmark; for pair in "$@"; do prune "${pair%%=*}" "${pair#*=}"; done; else elsewhere; fi; };',

  // Datasets between the pool and the root of a tree that is to come: nothing is ever mounted there.
  'parents() { below=${target#"$pool"/}; at=$pool; while :; do case $below in */*) ;; *) return 0;; esac; at=$at/${below%%/*}; below=${below#*/};',
  'z list -H -o name "$at" >/dev/null 2>&1 || z create -o readonly=on -o canmount=off "$at" || return 1; done; };',
];
