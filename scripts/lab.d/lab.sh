# shellcheck shell=bash
# The life of the whole lab.

lab_is_up() {
  local name
  state_is_current || return 1
  for name in $HOSTS; do answers "$name" || return 1; done
}

lab_up() {
  local name started=$SECONDS
  prepare_hosts
  state_is_current || lab_down
  [ -d "$STATE" ] || make_state
  make_network
  for name in $HOSTS; do answers "$name" || { unplug_host "$name"; boot_host "$name"; }; done
  for name in $HOSTS; do [ -S "$STATE/ssh/$name.sock" ] || await_host "$name"; done
  say "src and dst are up after $((SECONDS - started)) s"
}

lab_boot() {
  [ -d "$STATE" ] || fail 'the lab is not up'
  answers "$1" && return 0
  make_network
  unplug_host "$1"
  boot_host "$1"
  await_host "$1"
}

lab_down() {
  local name
  for name in $HOSTS; do unplug_host "$name"; done
  remove_network
  remove_hosts
  rm -rf --one-file-system "$STATE"
}

lab_status() {
  local name
  for name in $HOSTS; do
    if answers "$name"; then
      printf '%s: up, %s\n' "$name" "$(wire_address "$name")"
    elif is_running "$name"; then
      printf '%s: running, does not answer\n' "$name"
    else
      printf '%s: off\n' "$name"
    fi
  done
  [ ! -e "/run/netns/$NAMESPACE" ] || ! wire_is_cut || printf 'wire: cut\n'
  [ ! -s "$STATE/share/netem" ] || printf 'wire: %s\n' "$(<"$STATE/share/netem")"
}
