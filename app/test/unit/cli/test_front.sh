#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Which front `run` preloads, and what it is told about. The arguments are dpdk-vfio-cdev, a
# library that stands for both fronts, a plug-in and a program with DPDK inside, and a static
# program.

set -euo pipefail

plugin=$3 inside=$4 static=$5
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/app" "$dir/drivers"
tool=$dir/app/dpdk-vfio-cdev eal=$dir/drivers/librte_bus_vfio_cdev.so.1
libc=$dir/drivers/libvfio_cdev_compat.so.1
cp "$1" "$tool"
cp "$2" "$eal"
cp "$2" "$libc"
unset LD_PRELOAD RTE_VFIO_CDEV
failed=0

# expect STATUS STDOUT STDERR COMMAND...: the last is a part of what is printed; "" is nothing.
expect()
{
	local status=0 want=$1 out=$2 err=$3 output

	shift 3
	output=$("$@" 2>"$dir/err") || status=$?
	if [ "$status" != "$want" ] || [ "$output" != "$out" ] ||
		[[ $(<"$dir/err") != *"$err"* ]] || [[ -z $err && -s $dir/err ]]; then
		echo "$*: status $status ($want), \"$output\" ($out), \"$(<"$dir/err")\" ($err)"
		failed=1
	fi
}

show=(-- printenv LD_PRELOAD)
expect 0 "$eal" '' "$tool" run "${show[@]}"
expect 0 "$libc" '' "$tool" run --front libc "${show[@]}"
expect 0 "$eal" '' "$tool" run --front eal "${show[@]}"
expect 0 "$libc" '' "$tool" run --app-plugin /bin/true --app-plugin "$plugin" "${show[@]}"
expect 0 "$eal" '' "$tool" run --app-plugin /bin/true "${show[@]}"
expect 0 "$libc" '' "$tool" run --library "$libc" "${show[@]}"
expect 2 '' 'is not started: 1 check failed' "$tool" run --app-plugin /nonexistent "${show[@]}"
expect 2 '' '--front frob: eal, libc or auto' "$tool" run --front frob "${show[@]}"
expect 2 '' "--library $libc is of the other front" \
	"$tool" run --front eal --library "$libc" "${show[@]}"

# One that is known by its SONAME, which that of the stub is.
cp "$2" "$dir/x.so"
expect 2 '' 'is of the other front' "$tool" run --front libc --library "$dir/x.so" "${show[@]}"
expect 0 "$dir/x.so" '' "$tool" run --library "$dir/x.so" "${show[@]}"

# Never both.
expect 0 "$libc" '' env LD_PRELOAD="$eal" "$tool" run --front libc "${show[@]}"
expect 0 "$eal" '' env LD_PRELOAD="$libc:$eal" "$tool" run "${show[@]}"

# A program with DPDK inside is started, and --check prints the front.
expect 0 '' '' "$tool" run -- "$inside"
expect 2 '' 'does not call the library' "$tool" run --front eal -- "$inside"
expect 2 '' 'does not call the library' "$tool" run --library "$eal" -- "$inside"
expect 2 '' 'is static' "$tool" run --front libc -- "$static"
expect 0 '' 'PASS  app: DPDK is linked into' "$tool" run --check -- "$inside" --no-pci
[ "$(wc -l <"$dir/err")" = 1 ] || { cat "$dir/err"; failed=1; }

# The doctor finds the same.
doctor()
{
	{ "$tool" doctor "$@" || :; } | grep '  app: '
}
expect 0 "PASS  app: DPDK is linked into $inside statically: \"dpdk-vfio-cdev run\" preloads the \
C library front (libvfio_cdev_compat.so)" '' doctor --app "$inside"
expect 0 "PASS  app: DPDK is linked into $plugin statically: \"dpdk-vfio-cdev run\" preloads the \
C library front (libvfio_cdev_compat.so)" '' doctor --app /bin/true --app-plugin "$plugin"
expect 2 '' '--app-plugin /x: of which program' "$tool" doctor --app-plugin /x

rm "$libc"
expect 2 '' 'cannot find libvfio_cdev_compat.so.1' "$tool" run -- "$inside"
exit "$failed"
