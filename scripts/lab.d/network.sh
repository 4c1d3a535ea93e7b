# shellcheck shell=bash
# A network namespace with two switches: the wire, which tests cut and slow down, and
# the control network, which always works.

# Each state folder is a lab of its own, so that two checkouts can have theirs at once
NAMESPACE=${STATE##*/}

# nsenter, not ip netns exec: it makes no mount namespace, which saves milliseconds
in_namespace() { nsenter --net="/run/netns/$NAMESPACE" "$@"; }

make_network() {
  local name
  [ ! -e "/run/netns/$NAMESPACE" ] || return 0
  ip netns add "$NAMESPACE"
  ip -n "$NAMESPACE" link set lo up
  ip -n "$NAMESPACE" link add wire type bridge
  ip -n "$NAMESPACE" link add control type bridge
  ip -n "$NAMESPACE" address add 10.99.2.254/24 dev control
  for name in $HOSTS; do
    lay_cables "$name"
    ip -n "$NAMESPACE" link set "$name-wire" master wire
    ip -n "$NAMESPACE" link set "$name-control" master control
  done
  ip -n "$NAMESPACE" link set wire up
  ip -n "$NAMESPACE" link set control up
}

plug_in() {
  ip -n "$NAMESPACE" link set "$1-wire" up
  ip -n "$NAMESPACE" link set "$1-control" up
}

# A host without power says no last word, not even that it resets its connections
pull_out() {
  ip -n "$NAMESPACE" link set "$1-wire" down
  ip -n "$NAMESPACE" link set "$1-control" down
}

remove_network() {
  local name
  for name in "$NAMESPACE"{,-src,-dst}; do
    [ ! -e "/run/netns/$name" ] || ip netns delete "$name"
  done
}

# Off its switch and still up: neither side sees anything but silence
cut_wire() { ip -n "$NAMESPACE" link set dst-wire nomaster; }
join_wire() { ip -n "$NAMESPACE" link set dst-wire master wire; }

wire_is_cut() { [[ $(ip -n "$NAMESPACE" link show dst-wire) != *' master wire '* ]]; }

# slow_wire KIND VALUE: delay, loss and rate add up; each host slows what it sends,
# because the machine's own kernel need not have netem
slow_wire() {
  case $1 in
    delay) printf '%s\n' "$(half "$2")" >"$STATE/wire-delay" ;;
    *) printf '%s\n' "$2" >"$STATE/wire-$1" ;;
  esac
  {
    [ ! -f "$STATE/wire-delay" ] || printf 'delay %sms ' "$(<"$STATE/wire-delay")"
    [ ! -f "$STATE/wire-loss" ] || printf 'loss %s%% ' "$(<"$STATE/wire-loss")"
    [ ! -f "$STATE/wire-rate" ] || printf 'rate %skbit ' "$(<"$STATE/wire-rate")"
  } >"$STATE/share/netem"
  # shellcheck disable=SC2016 # expanded by the guest
  on_running_hosts 'tc qdisc replace dev vec0 root netem limit 10000 $(cat /host/netem)'
}

# A round trip passes two hosts; in thousandths, as an odd number has a half
half() { printf '%d.%03d' "$(($1 / 2))" "$(($1 % 2 * 500))"; }

clear_wire() {
  rm -f "$STATE"/wire-{delay,loss,rate}
  : >"$STATE/share/netem"
  on_running_hosts 'tc qdisc delete dev vec0 root 2>/dev/null || true'
}

on_running_hosts() {
  local name
  for name in $HOSTS; do
    ! is_running "$name" || remote "$name" "$1" </dev/null
  done
}
