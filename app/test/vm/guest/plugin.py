# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: a host that loads DPDK as a plug-in (RTLD_LOCAL) and starts the EAL."""

import ctypes
import ctypes.util
import os
import sys

eal = ctypes.CDLL(ctypes.util.find_library("rte_eal"), mode=os.RTLD_LOCAL | os.RTLD_NOW)
words = [ctypes.create_string_buffer(word.encode()) for word in sys.argv]
argv = (ctypes.c_char_p * (len(words) + 1))(*(ctypes.addressof(word) for word in words), None)
print("eal:", "failed" if eal.rte_eal_init(len(words), argv) < 0 else "started")
for fd in os.listdir("/proc/self/fd"):
    try:
        node = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        continue
    if node.startswith(("/dev/vfio/", "/dev/iommu")):
        print("node:", node)
