# shellcheck shell=bash
# The commands of an older OpenZFS beside the guests' own, for tests of what they say: zfs's
# words come from its libraries, and those of 2.1 work with the newer module too.

OLD_ZFS_RELEASE=bookworm
OLD_ZFS_PACKAGES='zfsutils-linux libnvpair3linux libuutil3linux libzfs4linux libzpool5linux'
OLD_ZFS=/opt/zfs-2.1

old_zfs_folder() { printf '%s/zfs-2.1-%s\n' "$CACHE" "$(recipe_hash oldzfs.sh)"; }

# build_old_zfs FOLDER: leaves zfs and zpool in FOLDER, which find their libraries in $OLD_ZFS
build_old_zfs() {
  local out=$1 work=$1/work package
  mkdir -p "$work" "$out"/{lib,sbin}
  private_apt "$work/apt" "$OLD_ZFS_RELEASE"
  export APT_CONFIG=$work/apt/apt.conf
  apt-get -q update
  # shellcheck disable=SC2086 # a list of words
  (cd "$work" && apt-get -q download $OLD_ZFS_PACKAGES)
  unset APT_CONFIG
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
  find "$work/root" -name 'lib*.so.*' -exec cp -a {} "$out/lib" \;
  cp "$work/root/sbin/zfs" "$work/root/sbin/zpool" "$out/sbin"
  cat >"$out/zfs" <<EOF
#!/bin/sh
LD_LIBRARY_PATH=$OLD_ZFS/lib exec "$OLD_ZFS/sbin/\${0##*/}" "\$@"
EOF
  chmod 755 "$out/zfs"
  cp "$out/zfs" "$out/zpool"
  rm -rf "$work"
}

# Into both hosts, where a test puts it in the place of their own
install_old_zfs() {
  provide zfs-2.1 "$(old_zfs_folder)" build_old_zfs
  on_running_hosts "[ -d $OLD_ZFS ] || cp -a /host/zfs-2.1 $OLD_ZFS"
}
