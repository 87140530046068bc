#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Give the VFIO functions of one of DPDK's archives the names that they have from 26.11 on.
#
#	own_names.sh OUTPUT ARCHIVE [COMMAND...]
#
# OUTPUT is another archive, or what the command that links makes of it.

set -euo pipefail

output=$1 archive=$2
shift 2
made=$output
[ $# -eq 0 ] || made=$output.a

nm "$archive" 2>/dev/null | sed -n 's/^.* rte_vfio_\([a-z_]*\)$/rte_vfio_\1 dev_vfio_\1/p' |
	sort -u >"$output.names"
[ -s "$output.names" ]
objcopy --redefine-syms="$output.names" "$archive" "$made"
if [ $# -gt 0 ]; then
	"$@" -o "$output" -Wl,--no-as-needed -Wl,--whole-archive "$made" -Wl,--no-whole-archive
fi
