# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: rte_vfio_setup_device() on its own, without starting an EAL.

The backend is preloaded, so the symbol is its; the library loaded here is the stock EAL behind it.
"""

import ctypes
import ctypes.util
import sys

ctypes.CDLL(ctypes.util.find_library("rte_eal"), mode=ctypes.RTLD_GLOBAL)
ctypes.CDLL(ctypes.util.find_library("rte_eal")).rte_log_set_global_level(8)
fd = ctypes.c_int(-1)
info = (ctypes.c_uint32 * 6)(24)
print(ctypes.CDLL(None).rte_vfio_setup_device(b"/sys/bus/pci/devices", sys.argv[1].encode(),
                                              ctypes.byref(fd), info))
