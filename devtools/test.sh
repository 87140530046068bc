#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# All tests: builds with gcc and clang, a cross build for arm64, unit tests (plain, ASAN and
# UBSAN, TSAN), fuzz targets, the rules of devtools/check, documentation, and the tests on the real
# kernel in VMs.

set -euo pipefail
cd "$(dirname "$0")/.."
. devtools/common.sh

usage() {
	cat <<EOT
usage: devtools/test.sh [--fast | --durations] [-- PYTEST-ARGUMENT...]

  --fast       no VM, no root: builds, devtools/check and unit tests
  --durations  end with what took longest, and how the guests were used
  --           what follows goes to pytest: devtools/test.sh -- -k e1000e

Without --fast it installs the packages that it needs, which takes root, and
makes kernel modules and root file systems, which are kept in
\$VFIO_CDEV_CACHE (default: dpdk-vfio-cdev in \$XDG_CACHE_HOME or ~/.cache).

exit status: 0 if all tests passed, 1 if not, 2 if they could not be run.
EOT
}

fast='' durations=()
while [ $# -gt 0 ]; do
	case $1 in
	--fast) fast=1 ;;
	--durations) durations=(--durations=40) ;;
	--) shift; break ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

prefetch=
trap '[ -z "$prefetch" ] || kill "$prefetch" 2>/dev/null || :' EXIT

# What the VM tests will want: made beside the builds, since most of it is
# waiting for the network and the disk.
prefetch() {
	devtools/vm ruff || return
	devtools/vm sysroot || return
	for config in cdev cdev-only group-only stock 6.1 6.12; do
		devtools/vm kernel --config $config || return
	done
	for root in 24.11 25.11 packages dkms; do
		devtools/vm root $root || return
	done
	for suite in trixie sid; do
		devtools/vm root package-build --suite $suite || return
		devtools/vm root packages --suite $suite || return
	done
	for root in 22.11 25.11; do
		devtools/vm root $root --package openvswitch-switch-dpdk || return
	done
	devtools/vm qemu 24.11
}

builds() {
	say "building with gcc, clang, and gcc with sanitizers"
	build build -Dtests=true
	CC=clang CXX=clang++ build build-clang
	build build-asan -Db_sanitize=address,undefined
	build build-tsan -Db_sanitize=thread
}

# Those of the libraries, under qemu-user: the code and the C library are arm64's, the kernel
# and its page size are this machine's.
cross_units() {
	local log=build-arm64/tests.log

	meson test -C build-arm64 --no-rebuild --print-errorlogs --timeout-multiplier 10 \
		--suite emulated >$log 2>&1 ||
		{ cat $log; exit 1; }
	sed -n 's/^Ok: *\([0-9]*\) *$/arm64: \1 passed/p' $log
}

units() {
	local passed=0 failed=0 dir ok

	for dir in build build-clang build-asan build-tsan; do
		meson test -C $dir --no-rebuild --print-errorlogs --timeout-multiplier 5 \
			>$dir/tests.log 2>&1 ||
			{ failed=$((failed + 1)); cat $dir/tests.log; }
		ok=$(sed -n 's/^Ok: *\([0-9]*\) *$/\1/p' $dir/tests.log)
		[ -n "$ok" ] || die "no test was run in $dir: $(cat $dir/tests.log)"
		passed=$((passed + ok))
	done
	printf '%s passed, %s failed\n' $passed $failed
	[ $failed = 0 ] || exit 1
}

# Debian 12 has no ruff: the whole run fetches one first (another is at it already), and needs it.
rules() {
	devtools/abi || return
	if [ -n "$fast" ]; then
		devtools/check
	else
		devtools/vm ruff >/dev/null && devtools/check --need-all
	fi
}

# A guest keeps one core busy, most of the time; the guests of a worker take up to 6 GiB.
workers() {
	local gigabytes most

	gigabytes=$(awk '/^MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
	most=$((gigabytes / 6 > 1 ? gigabytes / 6 : 1))
	echo $(($(nproc) < most ? $(nproc) + 1 : most))
}

need_packages "${PACKAGES[@]}" "${ARM64_PACKAGES[@]}" abigail-tools clang clang-format \
	clang-tidy crun debhelper dh-dkms doxygen dpkg-dev groff-base libclang-rt-14-dev \
	libcmocka-dev lintian \
	mypy python3-breathe python3-pytest python3-pytest-rerunfailures python3-pytest-xdist \
	python3-sphinx shellcheck udev
if [ -z "$fast" ]; then
	prefetch >/dev/null & prefetch=$!
fi
builds
say "the rules of devtools/check"
rules || exit 1
say "unit tests (gcc, clang, sanitizers)"
units
[ -z "$fast" ] || exit 0

say "fuzz targets"
devtools/fuzz --seconds 20

say "cross build for arm64"
cross_build
cross_units

say "documentation"
build build-docs -Ddocs=true -Dtests=false
wait "$prefetch" || die "cannot make what the VM tests need; see above"
prefetch=
workers=$(workers)
say "tests in VMs, $workers files at a time, about 30 minutes on two cores"
# An emulator that loses a timer says nothing about a test: once more, in a new guest.
exec "$PYTHON" -B -m pytest -p no:cacheprovider --tb=short \
	--reruns 1 --only-rerun '^testvm\.qemu\.GuestLostTimer: ' \
	-n "$workers" --dist loadgroup "${durations[@]}" app/test/vm "$@"
