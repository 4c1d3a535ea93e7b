# shellcheck shell=bash
# Commands on the hosts, over one kept connection each: a new one costs 200 ms.

remote() { in_namespace ssh -F "$STATE/ssh/config" "$@"; }

# The master is detached with nothing of the caller's open, or a test runner that waits
# for the end of its output would wait as long as the lab is up
connect() {
  local name=$1 deadline=$((SECONDS + 15))
  disconnect "$name"
  until setsid nsenter --net="/run/netns/$NAMESPACE" timeout 10 \
    ssh -F "$STATE/ssh/config" -o ControlMaster=yes -o ControlPersist=yes -fN "$name" \
    </dev/null >"$STATE/ssh/$name.log" 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || fail "$name does not answer ssh: $(<"$STATE/ssh/$name.log")"
    sleep 0.1
  done
}

disconnect() {
  local name=$1 pid
  [ -S "$STATE/ssh/$name.sock" ] || return 0
  # By name of its socket: ssh -O exit would wait for a host that is gone
  ssh -F "$STATE/ssh/config" -O check "$name" >"$STATE/ssh/$name.check" 2>&1 || true
  pid=$(sed -n 's/.*pid=\([0-9]*\).*/\1/p' "$STATE/ssh/$name.check")
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  rm -f "$STATE/ssh/$name.sock"
}

answers() {
  is_running "$1" && timeout 5 nsenter --net="/run/netns/$NAMESPACE" \
    ssh -F "$STATE/ssh/config" "$1" true </dev/null >/dev/null 2>&1
}

# install_binary FILE: a copy, not the shared file itself, so that a program that runs
# keeps what it was started from
install_binary() {
  local file=$1 stamp
  [ -f "$file" ] || fail "there is no file $file"
  is_running src || fail 'src is not running'
  stamp=$(stat -c '%s %.Y %i' "$file")
  [ ! -f "$STATE/installed" ] || [ "$(<"$STATE/installed")" != "$stamp" ] || return 0
  cp --reflink=auto "$file" "$STATE/share/zferry"
  remote src 'install -m 755 /host/zferry /usr/local/bin/.zferry.new &&
    sync -f /usr/local/bin && mv /usr/local/bin/.zferry.new /usr/local/bin/zferry' </dev/null
  printf '%s\n' "$stamp" >"$STATE/installed"
}
