#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# From a fresh Debian 12 to packets forwarded over noiommu cdevs by the
# distribution's own dpdk-testpmd, in a VM without an IOMMU.

set -euo pipefail
cd "$(dirname "$0")/.."
. devtools/common.sh

usage() {
	cat <<EOT
usage: devtools/demo.sh [SECONDS]

Installs what it needs, builds the project and the kernel modules, boots a VM
and lets dpdk-testpmd forward for SECONDS (10), first as it is, then with the
backend preloaded. Ends with a table of both. Needs root to install packages.

exit status: 0 if packets went through noiommu cdevs and every page that was
mapped was verified, 1 if not, 2 if it could not be tried.
EOT
}

case ${1-} in
-h | --help) usage; exit 0 ;;
'' | [1-9] | [1-9][0-9] | [1-9][0-9][0-9]) ;;
*) usage >&2; exit 2 ;;
esac

need_packages "${PACKAGES[@]}"
say "building the library"
if [ -e build/build.ninja ]; then
	build build
else
	build build -Dtests=false
fi
exec "$PYTHON" -B devtools/demo.py "${1-10}"
