# shellcheck shell=bash
# Hosts that are guests: User Mode Linux kernels as ordinary processes of this machine.

HALT='zpool export -af; sync; echo o >/proc/sysrq-trigger'

prepare_hosts() { build_image; }

# What a state is made from: it is not continued with another kernel or root file system
hosts_recipe() { printf '%s %s %s' "$(kernel_folder)" "$(root_folder)" "$(recipe_hash guests-init)"; }

make_hosts() {
  local name
  for name in $HOSTS; do truncate -s "$POOL_SIZE" "$STATE/$name/tank.img"; done
  cp -r "$(kernel_folder)/modules" "$STATE/share/modules"
}

remove_hosts() { :; }

# The guest itself is not process 1 of its namespace, for then a panic, which aborts it,
# would spin for ever. Pinned: a guest whose processes wander between CPUs makes system
# calls seven times as slowly.
launch() {
  local name=$1 number folder=$STATE/$1
  number=$(host_number "$name")
  rm -rf "$folder/uml"
  mkdir "$folder/uml"
  ulimit -c 0
  exec setsid nsenter --net="/run/netns/$NAMESPACE" \
    unshare --pid --fork --kill-child=KILL setsid --fork --wait \
    taskset -c "$(((GUEST_CPU + number - 1) % $(nproc)))" \
    "$(kernel_folder)/linux" "mem=$GUEST_MEMORY" "umid=zferry-lab-$name" "uml_dir=$folder/uml/" \
    "ubd0=$folder/cow.img,$(root_folder)/root.img" "ubd1=$folder/tank.img" root=/dev/ubda rw \
    con=null con0=null,fd:1 seccomp=on panic=-1 quiet init=/sbin/lab-init \
    "vec0:transport=tap,ifname=$name-wire,depth=64,gro=1,mac=02:00:0a:63:01:0$number" \
    "vec1:transport=tap,ifname=$name-control,depth=64,gro=1,mac=02:00:0a:63:02:0$number" \
    "lab_host=$STATE/share" "lab_name=$name" "lab_address=$number"
}

lay_cables() {
  local cable
  for cable in wire control; do
    ip -n "$NAMESPACE" tuntap add "$1-$cable" mode tap
  done
}
