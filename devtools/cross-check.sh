#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The tests of forwarding and errors on a whole kernel built from source, with
# the options of config/kernel: do the rebuilt modules, which devtools/test.sh
# uses, behave like a real configuration?

set -euo pipefail
cd "$(dirname "$0")/.."
. devtools/common.sh

case ${1-} in
'') ;;
*)
	echo "usage: devtools/cross-check.sh"
	echo "Builds a kernel (about 10 minutes, kept) and runs tests on it (about 3 minutes)."
	exit 2
	;;
esac

need_packages "${PACKAGES[@]}" libcmocka-dev python3-pytest
build build -Dtests=true
export VM_KERNEL_FROM=source
exec "$PYTHON" -B -m pytest -p no:cacheprovider app/test/vm/device/test_forward.py \
	app/test/vm/device/test_errors.py -k 'not kernel'
