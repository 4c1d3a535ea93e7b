# shellcheck shell=bash
# Other replication tools as Debian packages them, and what scripts/bench measures with. Guests
# only: what a machine with OpenZFS of its own has installed is its own affair.

PEER_PACKAGES='sanoid simplesnap time'

peers_folder() { printf '%s/peers-%s\n' "$CACHE" "$(recipe_hash peers.sh root.sh packages)"; }

# build_peers FOLDER: leaves in FOLDER the packages that the root file system lacks
build_peers() {
  local out=$1 work=$1/work
  mkdir -p "$work"
  private_apt "$work/apt" trixie
  debugfs -R 'cat /var/lib/dpkg/status' "$(root_folder)/root.img" >"$work/status" 2>/dev/null
  printf 'Dir::State::status "%s";\n' "$work/status" >>"$work/apt/apt.conf"
  export APT_CONFIG=$work/apt/apt.conf
  apt-get -q update
  # shellcheck disable=SC2086 # a list of words
  apt-get -q -y --no-install-recommends --download-only install $PEER_PACKAGES
  unset APT_CONFIG
  mv "$work"/apt/cache/archives/*.deb "$out"
  rm -rf "$work"
}

install_peers() {
  [ "$KIND" = guests ] || return 0
  provide peers "$(peers_folder)" build_peers
  on_running_hosts 'command -v syncoid >/dev/null || dpkg -i /host/peers/*.deb >/dev/null 2>/tmp/peers.log || { cat /tmp/peers.log >&2; exit 1; }'
}
