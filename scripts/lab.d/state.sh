# shellcheck shell=bash
# What belongs to one life of the lab, from up to down: keys, disks, the share.

POOL_SIZE=8G
HOSTS='src dst'

# The last byte of a host's addresses, on the wire and on the control network
host_number() {
  case $1 in
    src) printf 1 ;;
    dst) printf 2 ;;
    *) fail "there is no host '$1', the hosts are: $HOSTS" ;;
  esac
}

wire_address() { printf '10.99.1.%s' "$(host_number "$1")"; }
control_address() { printf '10.99.2.%s' "$(host_number "$1")"; }

# A state made by another recipe is not continued
recipe() { printf '%s %s\n' "$(recipe_hash init-common state.sh)" "$(hosts_recipe)"; }

state_is_current() { [ -f "$STATE/recipe" ] && [ "$(<"$STATE/recipe")" = "$(recipe)" ]; }

make_state() {
  local name
  mkdir -p "$STATE"/{ssh,share/ssh}
  chmod 700 "$STATE" "$STATE/share"
  make_keys
  for name in $HOSTS; do
    mkdir "$STATE/$name"
    printf '%s\n' "$(host_number "$name")" >>"$STATE/share/addresses"
  done
  write_names
  install -m 755 "$LAB_D/$KIND-init" "$STATE/share/init"
  install -m 644 "$LAB_D/init-common" "$STATE/share/init-common"
  make_hosts
  # Last: its presence says that the state is whole
  recipe >"$STATE/recipe"
}

# One user key for the control connection and between the hosts, and host keys known to
# everybody from the start, so no test meets a question about an unknown host
make_keys() {
  local name share=$STATE/share/ssh
  ssh-keygen -q -t ed25519 -N '' -C zferry-lab -f "$share/id_ed25519"
  for name in $HOSTS; do
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$share/host_$name"
    printf '%s,%s,%s %s\n' "$name" "$(wire_address "$name")" "$(control_address "$name")" \
      "$(cut -d' ' -f1,2 "$share/host_$name.pub")" >>"$share/known_hosts"
  done
}

write_names() {
  local name
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$STATE/share/hosts"
  for name in $HOSTS; do
    printf '%s %s\n' "$(wire_address "$name")" "$name" >>"$STATE/share/hosts"
    cat >>"$STATE/ssh/config" <<EOF
Host $name
  HostName $(control_address "$name")
  HostKeyAlias $name
EOF
  done
  cat >>"$STATE/ssh/config" <<EOF
Host *
  User root
  IdentityFile $STATE/share/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile $STATE/share/ssh/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 5
  ServerAliveInterval 5
  ServerAliveCountMax 6
  LogLevel ERROR
  ControlPath $STATE/ssh/%n.sock
EOF
}
