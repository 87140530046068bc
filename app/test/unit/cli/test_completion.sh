#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The bash completion of dpdk-vfio-cdev, given as the argument: what it offers for
# a line. Bash calls the function in the same way when the tabulator is pressed.

set -euo pipefail
. "$1"

failed=0
default=

compopt() { # of bash; works only while the tabulator is pressed
	default=$*
}

_dpdk_vfio_cdev_devices() {
	echo 0000:00:03.0 0000:00:04.0 0000:41:00.0
}

# offered LINE WORD...: with the cursor at the end of LINE the WORDs are offered,
# "FILES" stands for what bash does by default.
offered() {
	local line=$1 wanted got

	shift
	wanted=$*
	COMP_LINE=$line COMP_POINT=${#line} default=''
	_dpdk_vfio_cdev dpdk-vfio-cdev || :
	got=${COMPREPLY[*]}
	[ -z "$default" ] || got=FILES
	[ "$got" != "$wanted" ] || return 0
	printf '"%s" offers "%s" instead of "%s"\n' "$line" "$got" "$wanted" >&2
	failed=1
}

COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
offered 'dpdk-vfio-cdev ' list doctor run cdi udev --help --version
offered 'dpdk-vfio-cdev d' doctor
offered 'dpdk-vfio-cdev --v' --version
offered 'dpdk-vfio-cdev list --' --all --json --help --version
offered 'dpdk-vfio-cdev frob '
offered 'dpdk-vfio-cdev doctor ' 0000:00:03.0 0000:00:04.0 0000:41:00.0
offered 'dpdk-vfio-cdev doctor 0000:0' 00:03.0 00:04.0
offered 'dpdk-vfio-cdev doctor 0000:00:0' 03.0 04.0
offered 'dpdk-vfio-cdev doctor 0000:00:03.0 0000:4' 41:00.0
offered 'dpdk-vfio-cdev doctor --j' --json
offered 'dpdk-vfio-cdev doctor --app mkf' "$(compgen -c mkf | sort -u | xargs)"
offered 'dpdk-vfio-cdev run --r' --require
offered 'dpdk-vfio-cdev run --app' --app-plugin
offered 'dpdk-vfio-cdev run --app-plugin /usr/' FILES
offered 'dpdk-vfio-cdev run --front ' auto eal libc
offered 'dpdk-vfio-cdev run --app-plugin /x --front libc --check printf' \
	"$(compgen -c printf | sort -u | xargs)"
offered 'dpdk-vfio-cdev doctor --app-plugin /usr/' FILES
offered 'dpdk-vfio-cdev doctor --app x --app-' --app-plugin
offered 'dpdk-vfio-cdev cdi 0000:4' 41:00.0
offered 'dpdk-vfio-cdev cdi --' --library --no-hugepages --help --version
offered 'dpdk-vfio-cdev cdi --library /usr/' FILES
offered 'dpdk-vfio-cdev udev ' --group --help --version
offered 'dpdk-vfio-cdev udev --group roo' root
offered 'dpdk-vfio-cdev run --library /usr/' FILES
offered 'dpdk-vfio-cdev run printf' "$(compgen -c printf | sort -u | xargs)"
offered 'dpdk-vfio-cdev run --check --library /x -- printf' \
	"$(compgen -c printf | sort -u | xargs)"
offered 'dpdk-vfio-cdev run -- dpdk-testpmd -' FILES
offered 'dpdk-vfio-cdev run dpdk-testpmd -' FILES

COMP_WORDBREAKS=$' \t\n'
offered 'dpdk-vfio-cdev doctor 0000:0' 0000:00:03.0 0000:00:04.0
exit $failed
