#!/bin/busybox sh
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=dash
# First program of the guest: root file system, modules, devices, then agent.c. What to do
# comes as VM_* variables, which the kernel makes of the unknown words of its command line.

/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
exec </dev/console >/dev/console 2>&1
/bin/busybox --install /bin
PATH=/bin

die() {
	echo "init: $*"
	poweroff -f
}

load() { # DIRECTORY: every module in it, in the order of their numbered names
	for ko in /modules/"$1"/*.ko; do
		[ -e "$ko" ] || return 0
		insmod "$ko" || echo "init: module ${ko##*/} did not load"
	done
}

mount_9p() { # TAG DIRECTORY: read-only and never changing under us, so the cache may be loose
	mkdir -p "$2"
	mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 "$1" "$2" ||
		die "cannot mount $1 on $2"
}

bind() { # BDF: give one PCI device to $VM_BIND
	dev=/sys/bus/pci/devices/$1
	[ -d "$dev" ] || die "no PCI device $1"
	[ ! -e "$dev/driver" ] || echo "$1" >"$dev/driver/unbind"
	echo "$VM_BIND" >"$dev/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ -e "$dev/driver" ] || unbound="$unbound $1"
}

# Leave what VM_PLUGINS names in the directory whose libraries the EAL opens at each start. They
# are all in /run/vm/plugins.
thin_out_plugins() {
	for dir in /new/usr/lib/*/dpdk/pmds-*; do
		mkdir /new/run/vm/plugins /new/run/vm/few
		mount --bind "$dir" /new/run/vm/plugins
		set --
		for name in $VM_PLUGINS; do
			# shellcheck disable=SC2231  # a name is a pattern
			for file in "$dir/librte_"$name.so*; do
				[ ! -e "$file" ] || set -- "$@" "/run/vm/plugins/${file##*/}"
			done
		done
		ln -s "$@" /new/run/vm/few
		mount --bind /new/run/vm/few "$dir"
	done
}

# A device that is there before its IOMMU's driver would be taken for one without an IOMMU.
if [ "$VM_VIOMMU" = virtio ]; then
	load iommu
	[ -d /sys/bus/virtio/drivers/virtio_iommu ] || die "this kernel has no virtio-iommu"
fi
load root
mount_9p root /root
mount -t tmpfs -o size=75% tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/root,upperdir=/upper/files,workdir=/upper/work overlay /new ||
	die "cannot put a writable layer over the root file system"

mount -t tmpfs -o mode=755 tmpfs /new/run
mount -t tmpfs -o mode=1777 tmpfs /new/tmp
mkdir -p /new/run/vm /new/run/lock /dev/shm /dev/pts /dev/hugepages
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t hugetlbfs hugetlbfs /dev/hugepages
if [ "$VM_HUGEPAGES_1G" != 0 ]; then
	mkdir /dev/hugepages1G
	mount -t hugetlbfs -o pagesize=1G hugetlbfs /dev/hugepages1G
fi
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t debugfs debugfs /sys/kernel/debug
mount_9p modules "/new/lib/modules/$(uname -r)"
mkdir -p "/new$VM_CHECKOUT"
# The host may change the checkout while the guest runs: only mmap is cached.
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=mmap,msize=512000 checkout \
	"/new$VM_CHECKOUT" || die "cannot mount the checkout"

load vfio
[ "$VM_BIND" != uio_pci_generic ] || load uio
unbound=
unsafe=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
[ "$VM_UNSAFE" != 1 ] || [ ! -e $unsafe ] || echo 1 >$unsafe
IFS=,
for nic in $VM_NICS; do
	[ "$VM_BIND" = none ] || bind "$nic"
done
[ -z "$VM_PLUGINS" ] || thin_out_plugins
unset IFS
echo "$unbound" >/new/run/vm/unbound

hostname vm
ip link set lo up
for fs in dev proc sys; do
	mount --move /$fs /new/$fs
done
cp /bin/agent /new/run/vm/agent
exec switch_root /new /run/vm/agent
