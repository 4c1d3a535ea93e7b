# shellcheck shell=bash
# The guest kernel and its OpenZFS module. This file and kernel.config are the recipe
# whose hash names the result in the cache.

# Newest first; the second is the way back once backports has moved on: it only knows
# the ptrace mode, about half as fast.
KERNEL_SOURCES='linux-source-7.2 linux-source-6.12'

# build_kernel FOLDER: leaves FOLDER/linux and FOLDER/modules/RELEASE
build_kernel() {
  local out=$1 work=$1/work source
  mkdir -p "$work"
  private_apt "$work/apt"
  export APT_CONFIG=$work/apt/apt.conf
  apt-get -q update
  source=$(kernel_source)
  (cd "$work" && apt-get -q download "$source" zfs-dkms)
  unset APT_CONFIG
  say "unpacking $source"
  mkdir "$work/tree"
  dpkg-deb --fsys-tarfile "$work/$source"_*.deb |
    tar -xO "./usr/src/$source.tar.xz" | tar -xJ --strip-components=1 -C "$work/tree"
  dpkg-deb -x "$work"/zfs-dkms_*.deb "$work/zfs"
  say "building $source for User Mode Linux"
  compile_kernel "$work/tree" "$work/obj"
  say 'building the OpenZFS module'
  compile_zfs "$work/zfs"/usr/src/zfs-* "$work/tree" "$work/obj"
  collect_kernel "$out" "$work/zfs"/usr/src/zfs-* "$work/obj"
  rm -rf "$work"
}

kernel_source() {
  local name
  for name in $KERNEL_SOURCES; do
    if [[ $(apt-cache policy "$name") == *'Candidate: '[0-9]* ]]; then
      printf '%s\n' "$name"
      return
    fi
  done
  fail "the Debian mirror has none of: $KERNEL_SOURCES"
}

compile_kernel() {
  local tree=$1 obj=$2
  mkdir "$obj"
  make -C "$tree" ARCH=um O="$obj" x86_64_defconfig
  cat "$LAB_D/kernel.config" >>"$obj/.config"
  make -C "$tree" ARCH=um O="$obj" olddefconfig
  make -C "$tree" ARCH=um O="$obj" -j"$(nproc)" linux modules
}

compile_zfs() {
  local zfs=$1 tree=$2 obj=$3
  # Without KERNEL_ARCH=um configure stops with a misleading word about CONFIG_MODULES;
  # ARCH_UM is what its own makefiles hand on to those of a kernel since 7.0.
  (cd "$zfs" &&
    KERNEL_ARCH=um ARCH_UM=ARCH=um ./configure --disable-dependency-tracking --prefix=/usr \
      --with-config=kernel --with-linux="$tree" --with-linux-obj="$obj" &&
    ARCH_UM=ARCH=um make -j"$(nproc)")
}

collect_kernel() {
  local out=$1 zfs=$2 obj=$3 release
  release=$(cat "$obj/include/config/kernel.release")
  mkdir -p "$out/modules/$release/extra"
  cp "$obj/linux" "$out/linux"
  cp "$zfs/module/spl.ko" "$zfs/module/zfs.ko" "$out/modules/$release/extra/"
  strip --strip-debug "$out/linux" "$out/modules/$release/extra"/*.ko
  cp "$obj"/modules.builtin "$obj"/modules.order "$out/modules/$release/"
  # depmod wants lib/modules/RELEASE under its base, the guests want the same folder as
  # their /lib/modules
  mkdir -p "$out/depmod/lib"
  ln -s ../../modules "$out/depmod/lib/modules"
  depmod -b "$out/depmod" "$release"
  rm -r "$out/depmod"
}
