#!/bin/bash
# The floor of scripts/bench: the same cycle by hand, over one ssh connection. It finds its base, makes a
# snapshot and a bookmark, sends, compares the guid that arrived, and drops what was replaced on both sides.
# It checks nothing else: no lock, no resume, no time-out, no status but the last one's, no log.
#   floor SOURCE HOST TARGET COMPRESSOR SERIES
set -euo pipefail
source=$1 host=$2 target=$3 compressor=$4 series=$5
new=$series$EPOCHREALTIME
zfs snapshot "$source@$new"
# One listing tells the guid of the new snapshot, its predecessor, and the bookmark of that
old='' base='' guid=''
while read -r name its_guid; do
  case $name in
    *"#$series"*) old=$name ;;
    *"@$new") guid=$its_guid ;;
    *"@$series"*) base=$name ;;
  esac
done < <(zfs list -Hp -d 1 -t snapshot,bookmark -o name,guid -s createtxg "$source")
zfs bookmark "$source@$new" "$source#$new"
arrived="zfs receive -s -u $target && zfs get -Hp -o value guid $target@$new && zfs destroy $target@${base#*@}"
if [ "$compressor" = none ]; then
  there=$(zfs send -L -i "@${base#*@}" "$source@$new" | ssh -T -o BatchMode=yes "$host" "$arrived")
else
  there=$(zfs send -L -i "@${base#*@}" "$source@$new" | "$compressor" -1c | ssh -T -o BatchMode=yes "$host" "$compressor -dc | $arrived")
fi
[ "$there" = "$guid" ] || { echo "floor: $there is not $guid" >&2; exit 1; }
zfs destroy "$base"
[ -z "$old" ] || zfs destroy "$old"
