#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What mappings cost: the records of a domain alone, for up to a million of
# them, and a hugepage on the real kernel in a VM beside the bare ioctls. And
# what calls of the C library cost that are not for us, here and in the VM.

set -euo pipefail
cd "$(dirname "$0")/.."
. devtools/common.sh

usage() {
	cat <<EOT
usage: devtools/benchmark.sh [--fast]

  --fast  no VM, no root: the records, and calls of the C library on this machine

Installs what it needs, which takes root, builds the project and the kernel
modules, and measures. Under an emulated CPU (no KVM) the figures of the VM are
many times those of a real one: what counts there is the ratio.

exit status: 0 if it was measured, 1 if something failed, 2 if it could not be
tried.
EOT
}

fast=
case ${1-} in
-h | --help) usage; exit 0 ;;
--fast) fast=1 ;;
'') ;;
*) usage >&2; exit 2 ;;
esac

# What meson says around it is of interest only if something fails.
records() {
	local output

	output=$(meson test -C build --no-rebuild --benchmark -v domain 2>&1) || {
		printf '%s\n' "$output"
		exit 1
	}
	grep mappings: <<<"$output" || die "no figures: $output"
}

bench=build/app/test/vm/guest
calls=("$bench"/bench_calls build/drivers/libvfio_cdev_compat.so.1)

need_packages "${PACKAGES[@]}" libcmocka-dev
say "building the library"
build build -Dtests=true
say "the records of a domain, without a kernel"
records
say "calls that are not for the library at the C library's boundary"
"${calls[@]}"
[ -z "$fast" ] || exit 0

say "a hugepage on the real kernel, and the calls again, in a VM"
status=0
# shellcheck disable=SC2016  # the guest's shell has the arguments
devtools/vm run -- sh -ec '"$1"; shift; exec "$@"' sh $bench/bench_pages "${calls[@]}" ||
	status=$?
case $status in
[012]) exit "$status" ;;
119 | 123) exit 1 ;; # no end, or a panic: see devtools/vm run --help
*) exit 2 ;;
esac
