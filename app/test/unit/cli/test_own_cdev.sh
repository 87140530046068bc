#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A program of DPDK 26.11, which has a cdev mode of its own: it is started with one line on
# that, or, where a cdev is required, not at all. The arguments are dpdk-vfio-cdev, the
# backend, the program and its librte_eal.

set -euo pipefail

tool=$1 backend=$2 program=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$4" "$dir/librte_eal.so.27"
export LD_LIBRARY_PATH=$dir
failed=0

# The exit status and how many lines tell of it, of a command.
expect()
{
	local status=0 want=$1 lines=$2 output
	shift 2
	output=$("$@" 2>&1) || status=$?
	if [ "$status" != "$want" ] || [ "$(grep -c 'steps aside' <<<"$output")" != "$lines" ]; then
		echo "$*: status $status, wanted $want and $lines lines, got: $output"
		failed=1
	fi
}

run=("$tool" run --library "$backend")
expect 0 1 "${run[@]}" -- "$program"
expect 0 0 env RTE_VFIO_CDEV=off "${run[@]}" -- "$program"
expect 2 1 "${run[@]}" --require -- "$program"
expect 2 1 env RTE_VFIO_CDEV=require "${run[@]}" -- "$program"
expect 0 1 env LD_PRELOAD="$backend" RTE_VFIO_CDEV=require "$program"
exit "$failed"
