# shellcheck shell=bash
# One host's power, whatever it is made of: guests.sh or own.sh has launch, which becomes the
# process that waits for the host's process 1, in a process namespace of its own.

BOOT_SECONDS=60

# boot_host NAME: starts it without waiting. Nothing of the caller's stays open in it: test
# runners wait for that.
boot_host() {
  local name=$1 folder=$STATE/$1
  [ ! -f "$folder/console.log" ] || mv "$folder/console.log" "$folder/console.log.1"
  : >"$folder/console.log"
  plug_in "$name"
  launch "$name" </dev/null >"$folder/console.log" 2>&1 &
  printf '%s\n' "$!" >"$folder/pid"
  # Until the process has become what is_running looks for, or has already failed
  while [ -e "/proc/$!" ] && ! is_running "$name"; do sleep 0.01; done
}

await_host() {
  local name=$1 console=$STATE/$1/console.log deadline=$((SECONDS + BOOT_SECONDS))
  until grep -q '^lab: ready' "$console"; do
    is_running "$name" || boot_failed "$name" 'ended while starting'
    [ "$SECONDS" -lt "$deadline" ] || boot_failed "$name" "did not come up in $BOOT_SECONDS s"
    sleep 0.05
  done
  connect "$name"
}

boot_failed() {
  tail -n 40 "$STATE/$1/console.log" >&2
  fail "$1 $2; its console is in $STATE/$1/console.log"
}

# The process id alone would be believed after a restart of the machine, when it may
# belong to anybody
is_running() {
  local pid
  [ -r "$STATE/$1/pid" ] || return 1
  pid=$(<"$STATE/$1/pid")
  [ -r "/proc/$pid/cmdline" ] && grep -qsaF "lab_name=$1" "/proc/$pid/cmdline"
}

# The power cut. The recorded process is the one that waits for the host's process 1
# and it ends only once everything in the namespace is gone.
unplug_host() {
  local name=$1 pid
  # A zombie is not running: the machine's process 1 may take seconds to collect it
  if is_running "$name"; then
    pull_out "$name"
    pid=$(<"$STATE/$name/pid")
    pkill -KILL -P "$pid" || kill -KILL "$pid"
    while is_running "$name"; do sleep 0.01; done
  fi
  rm -f "$STATE/$name/pid"
  disconnect "$name"
}

# An orderly stop
halt_host() {
  local name=$1 deadline=$((SECONDS + 30))
  is_running "$name" || return 0
  remote "$name" "setsid sh -c 'sleep 0.1; killall -q cron; $HALT' </dev/null >/dev/null 2>&1 &" </dev/null
  while is_running "$name" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
  unplug_host "$name"
}
