# shellcheck shell=bash
# What is slow to make is made once for each recipe: in a temporary folder which gets its
# name only when it is whole, so a killed build leaves nothing half.

kernel_folder() { printf '%s/kernel-%s\n' "$CACHE" "$(recipe_hash kernel.sh kernel.config)"; }
root_folder() { printf '%s/root-%s\n' "$CACHE" "$(recipe_hash root.sh packages)"; }

# What this machine needs to build the image, and to run it
IMAGE_TOOLS='bc bison cpio debian-archive-keyring e2fsprogs flex gcc iproute2 kmod libc6-dev libelf-dev
  libssl-dev make mmdebstrap openssh-client perl procps rsync util-linux xz-utils'

recipe_hash() { (cd "$LAB_D" && cat "$@") | sha256sum | cut -c1-12; }

build_image() {
  local kernel root started=$SECONDS builder='' failed=''
  kernel=$(kernel_folder)
  root=$(root_folder)
  [ ! -d "$kernel" ] || [ ! -d "$root" ] || return 0
  mkdir -p "$CACHE"
  exec {image_lock}>"$CACHE/lock"
  flock "$image_lock"
  # Whatever a killed build left: nobody else is building while the lock is held
  rm -rf "$CACHE"/building-*
  # shellcheck disable=SC2086 # a list of words
  logged host install_host_packages $IMAGE_TOOLS
  # The packages are unpacked while the compiler runs: they wait for different things
  if [ ! -d "$root" ]; then
    logged root cached build_root "$root" &
    builder=$!
  fi
  [ -d "$kernel" ] || logged kernel cached build_kernel "$kernel" || failed=1
  [ -z "$builder" ] || wait "$builder" || failed=1
  exec {image_lock}>&-
  [ -z "$failed" ] || exit 1
  say "image ready after $((SECONDS - started)) s"
}

# provide NAME FOLDER BUILDER: builds FOLDER in the cache where it is missing, and shows it to the
# hosts as /host/NAME
provide() {
  local name=$1 folder=$2 builder=$3
  if [ ! -d "$folder" ]; then
    mkdir -p "$CACHE"
    exec {provide_lock}>"$CACHE/lock"
    flock "$provide_lock"
    [ -d "$folder" ] || logged "$name" cached "$builder" "$folder"
    exec {provide_lock}>&-
  fi
  [ -d "$STATE/share/$name" ] || cp -a "$folder" "$STATE/share/$name"
}

# cached BUILDER FOLDER
cached() {
  local building=$CACHE/building-${2##*/}
  mkdir "$building"
  "$1" "$building"
  mv "$building" "$2"
}

# logged NAME COMMAND...: progress lines to the caller, everything else to CACHE/NAME.log
logged() {
  local log=$CACHE/$1.log status=0
  shift
  # A process of its own: errexit would be off in a function called under ||
  LAB_PROGRESS_FD=3 "$SELF" --internal "$@" 3>&1 >"$log" 2>&1 </dev/null || status=$?
  [ "$status" -ne 0 ] || return 0
  tail -n 40 "$log" >&2
  printf 'lab: error: the build failed; its whole output is in %s\n' "$log" >&2
  return "$status"
}
