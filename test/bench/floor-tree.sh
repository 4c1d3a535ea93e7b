#!/bin/bash
# The floor of scripts/bench for trees: the same by hand, in one `zfs send -R` over one ssh connection. Each dataset has
# its bookmark recorded (all by one channel program) and dropped (zfs destroys bookmarks one by one only, so eight at a
# time); the guids that arrived are compared, and nothing else is checked.
#   floor-tree SOURCE HOST TARGET COMPRESSOR SERIES
set -euo pipefail
source=$1 host=$2 target=$3 compressor=$4 series=$5
new=$series$EPOCHREALTIME
zfs snapshot -r "$source@$new"
# One listing tells the datasets, the guids of the new snapshot, its predecessor, and the bookmarks of that
bookmarks=() base='' guids='' datasets=()
while read -r name guid; do
  case $name in
    *"#$series"*) bookmarks+=("$name") ;;
    *"@$new") guids+=$guid$'\n' datasets+=("${name%@*}") ;;
    "$source@$series"*) base=${name#*@} ;;
  esac
done < <(zfs list -Hp -r -t snapshot,bookmark -o name,guid -s name -s createtxg "$source")
zfs program "${source%%/*}" - "$new" "${datasets[@]}" >/dev/null <<'LUA'
args = ...
argv = args["argv"]
for at = 2, #argv do
  assert(zfs.sync.bookmark(argv[at] .. "@" .. argv[1], argv[at] .. "#" .. argv[1]) == 0)
end
LUA
arrived="zfs receive -s -u $target && zfs list -Hp -r -t snapshot -o name,guid -s name $target && zfs destroy -r $target@$base"
pack=cat unpack=
if [ "$compressor" != none ]; then pack="$compressor -1c" unpack="$compressor -dc |"; fi
there=$(zfs send -L -R -i "@$base" "$source@$new" | $pack | ssh -T -o BatchMode=yes "$host" "$unpack $arrived" | sed -n "s/.*@$new\t//p")
[ "$there" = "${guids%$'\n'}" ] || { echo "floor-tree: other guids arrived" >&2; exit 1; }
zfs destroy -r "$source@$base"
printf '%s\0' "${bookmarks[@]}" | xargs -0 -n 1 -P 8 zfs destroy
