# shellcheck shell=bash
# Hosts over this machine's own OpenZFS: namespaces in place of kernels, each with the
# machine's root file system under a layer of its own (own-root), and a pool in a file.
# The machine gets no more than the tools of this script, where it lacks them, and no pool
# is touched but those in $STATE/pools.

# Its pool stays imported: one kernel serves all hosts, on or off
HALT='kill -TERM 1'

prepare_hosts() { install_host_packages iproute2 openssh-client procps util-linux; }

# With the boot of the machine, which takes the pools and the layers away
hosts_recipe() {
  printf '%s %s %s' "$(recipe_hash own.sh own-root own-init packages)" \
    "$(zfs version | paste -sd' ')" "$(</proc/sys/kernel/random/boot_id)"
}

# The layers are kept in memory: not every file system can be the upper one of an overlay
make_hosts() {
  local name
  mkdir "$STATE/layers" "$STATE/pools"
  mount -t tmpfs -o mode=700 zferry-lab "$STATE/layers"
  for name in $HOSTS; do truncate -s "$POOL_SIZE" "$STATE/pools/$NAMESPACE-$name"; done
  add_packages
}

# What the tests use and the machine lacks goes into a layer below both hosts. Whatever
# an installed sshd or cron starts ends with its process namespace.
add_packages() {
  local missing
  # shellcheck disable=SC2046 # a list of words
  missing=$(missing_packages $(grep -v -e '^#' -e '^zfsutils-linux$' "$LAB_D/packages"))
  [ -n "$missing" ] || return 0
  say "adding to the hosts: ${missing//$'\n'/ }"
  mkdir -p "$STATE/debs/partial"
  # shellcheck disable=SC2086 # a list of words
  {
    apt-get -q update
    apt-get -q -y --no-install-recommends -o "Dir::Cache::archives=$STATE/debs" --download-only install $missing
    env -i "lab_state=$STATE" DEBIAN_FRONTEND=noninteractive \
      unshare --mount --net --pid --fork --kill-child=KILL "$LAB_D/own-root" packages \
      apt-get -q -y --no-install-recommends -o "Dir::Cache::archives=$STATE/debs" --no-download install $missing
  } >"$STATE/packages.log" 2>&1 || {
    tail -n 20 "$STATE/packages.log" >&2
    fail "the packages cannot be added; see $STATE/packages.log"
  }
}

# Ends here where a pool cannot be destroyed: its file must not go before it
remove_hosts() {
  local pool pools
  pools=$(lab_pools)
  while read -r pool; do
    [ -z "$pool" ] || zpool destroy -f "$pool"
  done <<<"$pools"
  ! mountpoint -q "$STATE/layers" || umount "$STATE/layers"
}

# Pools are known by their files, never by a name alone
lab_pools() {
  zpool list -HPv -o name | awk -F '\t' -v folder="$STATE/pools/" '
    $1 != "" { pool = $1 }
    $1 == "" && index($2, folder) == 1 { print pool }'
}

launch() {
  exec setsid nsenter --net="/run/netns/$NAMESPACE-$1" \
    unshare --pid --mount --uts --ipc --fork --kill-child=KILL \
    env -i "lab_state=$STATE" "lab_pool=$NAMESPACE-$1" "lab_name=$1" "lab_address=$(host_number "$1")" \
    "$LAB_D/own-root" "$1" /host/init
}

lay_cables() {
  local number host=$NAMESPACE-$1
  number=$(host_number "$1")
  ip netns add "$host"
  ip -n "$NAMESPACE" link add "$1-wire" type veth \
    peer name vec0 address "02:00:0a:63:01:0$number" netns "$host"
  ip -n "$NAMESPACE" link add "$1-control" type veth \
    peer name vec1 address "02:00:0a:63:02:0$number" netns "$host"
}
