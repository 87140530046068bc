#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The cross build for arm64 on an arm64 kernel: the distribution's own
# dpdk-testpmd forwards packets over noiommu cdevs, in an emulated machine.

set -euo pipefail
cd "$(dirname "$0")/.."
. devtools/common.sh

usage() {
	cat <<EOT
usage: devtools/arm64-smoke.sh [--page-size 4k|16k] [--dpdk RELEASE] [SECONDS]

Installs what it needs, makes a cross build, fetches a kernel and a root file
system for arm64, rebuilds the kernel's iommufd and vfio modules, and boots all
of that in an emulated machine. There dpdk-vfio-cdev looks at the host, and
dpdk-testpmd forwards for SECONDS (5), first as it is, then with the backend
preloaded. Ends with a table of both. Needs root.

  --page-size  of the kernel: the distribution has 4k (default) and 16k
  --dpdk       22.11, 24.11 or 25.11 (default: the release of this machine)

exit status: 0 if packets went through noiommu cdevs and every page that was
mapped was verified, 1 if not, 2 if it could not be tried.
EOT
}

wrong() {
	usage >&2
	exit 2
}

kernel=arm64 dpdk=host seconds=5
while [ $# -gt 0 ]; do
	case $1 in
	-h | --help) usage; exit 0 ;;
	--page-size)
		case ${2-} in
		4k) kernel=arm64 ;;
		16k) kernel=arm64-16k ;;
		*) wrong ;;
		esac
		shift
		;;
	--dpdk)
		case ${2-} in
		22.11 | 24.11 | 25.11) dpdk=$2 ;;
		*) wrong ;;
		esac
		shift
		;;
	[1-9] | [1-9][0-9] | [1-9][0-9][0-9]) seconds=$1 ;;
	*) wrong ;;
	esac
	shift
done

need_packages "${PACKAGES[@]}" "${ARM64_PACKAGES[@]}" qemu-system-arm
say "cross build for arm64"
cross_build
exec "$PYTHON" -B devtools/arm64_smoke.py "$kernel" "$dpdk" "$seconds"
