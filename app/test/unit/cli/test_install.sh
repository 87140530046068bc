#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What `meson install` puts where, and that programs can be built with it. The arguments are the
# build directory, its prefix and its libdir.

set -euo pipefail

build=$1 prefix=$2 libdir=$3
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
failed=0

wrong() {
	echo "$*"
	failed=1
}

meson install -C "$build" --no-rebuild --quiet --destdir "$dest/root"
top=$dest/root$prefix

# The list, and no more. There is no documentation without -Ddocs=true.
wanted="bin/dpdk-test-vfio-cdev
bin/dpdk-vfio-cdev
include/rte_bus_vfio_cdev.h
include/rte_vfio_cdev.h
include/rte_vfio_cdev_memory.h
$libdir/librte_bus_vfio_cdev.so
$libdir/librte_bus_vfio_cdev.so.1
$libdir/libvfio_cdev_compat.so
$libdir/libvfio_cdev_compat.so.1
$libdir/librte_vfio_cdev.a
$libdir/librte_vfio_cdev.so
$libdir/librte_vfio_cdev.so.1
$libdir/pkgconfig/librte_bus_vfio_cdev.pc
$libdir/pkgconfig/librte_vfio_cdev.pc
libexec/dpdk-test-vfio-cdev-traffic
share/bash-completion/completions/dpdk-vfio-cdev"
diff <(sort <<<"$wanted") <(cd "$dest/root$prefix" && find . -type f -o -type l | sed 's,^\./,,' |
	sort) || wrong "another list of files (wanted, installed)"
[ -z "$(find "$dest/root" -type f -not -path "$top/*")" ] || wrong "files outside of the prefix"

# Where they are loaded from is the system's business.
for file in "$top"/bin/* "$top"/libexec/* "$top/$libdir"/*.so; do
	dynamic=$(readelf --dynamic --wide "$file")
	[[ $dynamic != *RPATH* && $dynamic != *RUNPATH* ]] || wrong "${file##*/} has an RPATH"
	[[ $file != *.so || $dynamic == *"soname: [${file##*/}.1]"* ]] ||
		wrong "${file##*/} has another SONAME"
done
names=$(nm -g --defined-only "$top/$libdir/librte_vfio_cdev.a" | awk 'NF == 3 { print $3 }' |
	grep -vE '^(rte_vfio_cdev|vfio_cdev|iommufd|vfio_uring)_' || :)
[ -z "$names" ] || wrong "the static library has names without a prefix: $names"

# Found beside the tool, wherever the tree was moved to.
found=$("$top/bin/dpdk-vfio-cdev" run -- printenv LD_PRELOAD) || :
[ "$found" = "$top/$libdir/librte_bus_vfio_cdev.so.1" ] || wrong "run preloads \"$found\""
compat=$top/$libdir/libvfio_cdev_compat.so.1
found=$("$top/bin/dpdk-vfio-cdev" run --front libc -- printenv LD_PRELOAD) || :
[ "$found" = "$compat" ] || wrong "run --front libc preloads \"$found\""
[[ $(readelf --dynamic --wide "$compat") == *"soname: [${compat##*/}]"* ]] ||
	wrong "${compat##*/} has another SONAME"

# Where pkg-config does not look it names what is missing, and the variable.
missing=$(PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR=$dest pkg-config --libs librte_bus_vfio_cdev 2>&1) &&
	wrong "pkg-config finds the library where it is not"
[[ $missing == *librte_bus_vfio_cdev*PKG_CONFIG_PATH* ]] || wrong "pkg-config reports \"$missing\""

# As if it was installed where it is now.
grep -qxF "prefix=$prefix" "$top/$libdir"/pkgconfig/*.pc || wrong "pkg-config has another prefix"
sed -i "s,^prefix=.*,prefix=$top," "$top/$libdir"/pkgconfig/*.pc
export PKG_CONFIG_PATH=$top/$libdir/pkgconfig

export LD_LIBRARY_PATH=$top/$libdir
read -ra flags < <(pkg-config --cflags --libs librte_bus_vfio_cdev libdpdk)
cc -o "$dest/pin" "$(dirname "$0")"/../../../../doc/examples/pin/*.c "${flags[@]}"
"$dest/pin" -- --help >"$dest/help" || wrong "the example does not start"
ldd "$dest/pin" | grep -F "librte_bus_vfio_cdev.so.1 => $top/" >"$dest/used" ||
	wrong "the example does not use the library"

# One without DPDK, with the shared library and with the static one.
cat >"$dest/own.c" <<'END'
#include <rte_vfio_cdev.h>

int
main(void)
{
	struct rte_vfio_cdev_ctx *ctx;

	if (rte_vfio_cdev_ctx_create(NULL, NULL, &ctx) != 0)
		return 1;
	rte_vfio_cdev_ctx_free(ctx);
	return 0;
}
END
for static in '' --static; do
	read -ra flags < <(pkg-config ${static:+"$static"} --cflags --libs librte_vfio_cdev)
	cc ${static:+-static} -o "$dest/own" "$dest/own.c" "${flags[@]}"
	"$dest/own" || wrong "a program of one's own does not run ($static)"
done
exit "$failed"
