# shellcheck shell=bash
# Debian packages of a newer release than the machine's own, without touching the
# machine's apt: its mirror and its proxy settings serve, its lists do not.

# The address is read from the machine, so the lab works behind whatever mirror it has.
debian_mirror() {
  local mirrors
  mirrors=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u)
  [ -n "$mirrors" ] || fail 'the machine has no Debian package source that apt-get update has read'
  printf '%s\n' "${mirrors%%$'\n'*}"
}

# private_apt FOLDER [SUITE...]: writes FOLDER/apt.conf for use as APT_CONFIG
private_apt() {
  local folder=$1 mirror suite
  shift
  [ $# -gt 0 ] || set -- trixie trixie-backports
  mirror=$(debian_mirror)
  mkdir -p "$folder"/{lists,cache/archives/partial}
  for suite in "$@"; do
    printf 'deb [signed-by=%s] %s %s main contrib\n' "$DEBIAN_KEYRING" "$mirror" "$suite"
  done >"$folder/sources.list"
  cat >"$folder/apt.conf" <<EOF
Dir::Etc::SourceList "$folder/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$folder/lists";
Dir::State::status "/dev/null";
Dir::Cache "$folder/cache";
APT::Sandbox::User "root";
APT::Default-Release "";
Acquire::Languages "none";
EOF
}

# install_host_packages NAME...: on this machine, where missing
install_host_packages() {
  local missing
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  say "installing on this machine: ${missing//$'\n'/ }"
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  apt-get -q update
  # shellcheck disable=SC2086 # a list of words
  apt-get -q -y --no-install-recommends install $missing
}

missing_packages() {
  local name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
  done
}
