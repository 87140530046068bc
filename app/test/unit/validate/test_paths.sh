#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Paths that are no UTF-8, which JSON must be: the report of dpdk-test-vfio-cdev (the
# argument) names them all the same. No device is needed: it ends with an error.

set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
path=$dir/$'\xff\xe4'
cp /bin/true "$path"
"$1" --devices 0000:00:00.7 --testpmd "$path" --library "$path" --json "$dir/report" \
	>/dev/null 2>&1 || [ $? = 2 ]
grep -qF "\"testpmd\": \"$dir/??\"" "$dir/report"
grep -qF "\"library\": \"$dir/??\"" "$dir/report"
