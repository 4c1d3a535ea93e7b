# shellcheck shell=bash
# One guest: a User Mode Linux kernel as an ordinary process of this machine.

GUEST_MEMORY=1200M
BOOT_SECONDS=60

# boot_guest NAME: starts it without waiting. In a process namespace of its own, so that
# killing process 1 there ends all the guest's processes at once, as a power cut does. The
# guest itself is not process 1, for then a panic, which aborts it, would spin for ever.
boot_guest() {
  local name=$1 number folder=$STATE/$1
  number=$(host_number "$name")
  [ ! -f "$folder/console.log" ] || mv "$folder/console.log" "$folder/console.log.1"
  : >"$folder/console.log"
  rm -rf "$folder/uml"
  mkdir "$folder/uml"
  # Pinned: a guest whose processes wander between CPUs makes system calls seven times
  # as slowly. Nothing of the caller's stays open in it: test runners wait for that.
  ulimit -c 0
  setsid nsenter --net="/run/netns/$NAMESPACE" \
    unshare --pid --fork --kill-child=KILL setsid --fork --wait \
    taskset -c "$(((number - 1) % $(nproc)))" \
    "$(kernel_folder)/linux" "mem=$GUEST_MEMORY" "umid=zferry-lab-$name" "uml_dir=$folder/uml/" \
    "ubd0=$folder/cow.img,$(root_folder)/root.img" "ubd1=$folder/tank.img" root=/dev/ubda rw \
    con=null con0=null,fd:1 seccomp=on panic=-1 quiet init=/sbin/lab-init \
    "vec0:transport=tap,ifname=$name-wire,depth=64,gro=1,mac=02:00:0a:63:01:0$number" \
    "vec1:transport=tap,ifname=$name-control,depth=64,gro=1,mac=02:00:0a:63:02:0$number" \
    "lab_host=$STATE/share" "lab_name=$name" "lab_address=$number" \
    </dev/null >"$folder/console.log" 2>&1 &
  printf '%s\n' "$!" >"$folder/pid"
  # Until the process has become what is_running looks for, or has already failed
  while [ -e "/proc/$!" ] && ! is_running "$name"; do sleep 0.01; done
}

await_guest() {
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
  [ -r "/proc/$pid/cmdline" ] && grep -qaF "umid=zferry-lab-$1" "/proc/$pid/cmdline"
}

# The power cut. The recorded process is the one that waits for the guest's process 1
# and it ends only once everything in the namespace is gone.
unplug_guest() {
  local name=$1 pid
  # A zombie is not running: the machine's process 1 may take seconds to collect it
  if is_running "$name"; then
    pid=$(<"$STATE/$name/pid")
    # shellcheck disable=SC2046 # one word for each child
    kill -KILL $(</proc/"$pid"/task/"$pid"/children) 2>/dev/null || kill -KILL "$pid"
    while is_running "$name"; do sleep 0.01; done
  fi
  rm -f "$STATE/$name/pid"
  disconnect "$name"
}

# An orderly stop: pools exported, everything written
halt_guest() {
  local name=$1 deadline=$((SECONDS + 30))
  is_running "$name" || return 0
  remote "$name" 'setsid sh -c "sleep 0.1; killall -q cron; zpool export -af; sync; echo o >/proc/sysrq-trigger" </dev/null >/dev/null 2>&1 &' </dev/null
  while is_running "$name" && [ "$SECONDS" -lt "$deadline" ]; do sleep 0.05; done
  unplug_guest "$name"
}
