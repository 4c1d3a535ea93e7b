# shellcheck shell=bash
# The root file system both guests share under a copy-on-write layer of their own. This
# file and packages are the recipe whose hash names the result in the cache.

# build_root FOLDER: leaves FOLDER/root.img
build_root() {
  local out=$1 root=$1/root mirror packages
  mirror=$(debian_mirror)
  packages=$(grep -v '^#' "$LAB_D/packages" | paste -sd,)
  say 'building the root file system'
  mmdebstrap --variant=minbase --mode=root --components=main,contrib --include="$packages" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
    trixie "$root" "deb [signed-by=$DEBIAN_KEYRING] $mirror trixie main contrib"
  # Only a stub: the real init comes from the host, so that changing it rebuilds nothing
  cat >"$root/sbin/lab-init" <<'EOF'
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t hostfs none /host -o "hostfs=$lab_host"
exec /host/init
EOF
  chmod 755 "$root/sbin/lab-init"
  mkdir "$root/host"
  rm -f "$root"/etc/ssh/ssh_host_* "$root/etc/hostid" "$root/etc/machine-id"
  # With a journal: a power cut must leave a root file system that a boot can use as it is
  mke2fs -q -t ext4 -d "$root" "$out/root.img" 3G
  rm -rf "$root"
}
