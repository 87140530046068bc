# SPDX-License-Identifier: BSD-3-Clause
"""The test machine: a real Linux >= 7.3 in QEMU, with noiommu VFIO character devices.

Reading order: cli (what a user can ask for), qemu (a running guest), machine (its QEMU command
line), kernel and kmod (what it boots), root (its file system), apt and cache (where those come
from and where they are kept), guest/ (what runs inside).
"""
