# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034  # who sources it uses the variables
# What the scripts beside it share; sourced from the top of the checkout.

# Where Debian's own Python modules are, whatever comes first in PATH.
PYTHON=/usr/bin/python3

# Compiler, build tools, headers of DPDK; what devtools/vm wants; DPDK itself.
PACKAGES=(gcc g++ libdpdk-dev libelf-dev libjansson-dev libnuma-dev libpciaccess-dev
	meson ninja-build pkg-config python3 zlib1g-dev
	binutils bsdutils busybox-static ca-certificates debian-archive-keyring dpdk dpdk-dev
	iproute2 kmod libcap2-bin mmdebstrap pciutils procps qemu-system-x86 strace util-linux
	xz-utils)

# A cross build, beside those.
ARM64_PACKAGES=(gcc-aarch64-linux-gnu qemu-user)

say() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die() {
	say "$*"
	exit 2
}

# Install what is missing. Only root can; for others the packages are named.
need_packages() {
	local missing=() package status

	command -v apt-get >/dev/null || die "this needs Debian 12 or a relative of it (no apt-get)"
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || :
		[ "$status" = installed ] || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || die "missing packages; as root: apt-get install ${missing[*]}"
	say "installing ${#missing[@]} packages, about 90 s: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update || die "cannot read the package lists; see /etc/apt/sources.list"
	apt-get -qq install --no-install-recommends "${missing[@]}" >/dev/null ||
		die "cannot install packages; try: apt-get install ${missing[*]}"
}

# build DIRECTORY [MESON OPTION...]: set up once, then bring up to date. The
# directory may be there with other options: demo.sh builds no tests.
build() {
	local dir=$1 output

	shift
	if [ ! -e "$dir/build.ninja" ]; then
		rm -rf "$dir"
		output=$(meson setup --werror "$dir" "$@" 2>&1) || die "cannot configure: $output"
	elif [ $# -gt 0 ]; then
		output=$(meson configure "$dir" "$@" 2>&1) || die "cannot configure: $output"
	fi
	output=$(ninja -C "$dir" 2>&1) || die "cannot build: $output"
}

# Libraries, tools and unit tests for arm64; the C compiler's warnings are errors.
cross_build() {
	local dir=build-arm64 sysroot output

	sysroot=$(devtools/vm sysroot) || die "cannot make the sysroot; see above"
	if [ ! -e $dir/build.ninja ] || ! grep -qsF "'$sysroot'" $dir/sysroot.ini; then
		rm -rf $dir
		mkdir $dir
		printf "[constants]\nsysroot = '%s'\n" "$sysroot" >$dir/sysroot.ini
		output=$(meson setup --werror --cross-file $dir/sysroot.ini \
			--cross-file config/arm64.ini $dir 2>&1) || die "cannot configure: $output"
	fi
	build $dir
}
