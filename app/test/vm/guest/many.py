# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: many.py [EAL OPTION...] -- PCI-ADDRESS...

Sets up all of the devices at once and prints how many, waits for the end of its input, and
releases them.
"""

import ctypes
import ctypes.util
import sys

SYSFS = b"/sys/bus/pci/devices"

ctypes.CDLL(ctypes.util.find_library("rte_eal"), mode=ctypes.RTLD_GLOBAL)
eal = ctypes.CDLL(None)
words = [ctypes.create_string_buffer(word.encode()) for word in sys.argv]
argv = (ctypes.c_char_p * (len(words) + 1))(*(ctypes.addressof(word) for word in words), None)
used = eal.rte_eal_init(len(words), argv)
if used < 0:
    sys.exit("many: no EAL")
fds = {}
for address in sys.argv[used + 1:]:
    fd = ctypes.c_int(-1)
    info = (ctypes.c_uint32 * 6)(24)
    ret = eal.rte_vfio_setup_device(SYSFS, address.encode(), ctypes.byref(fd), info)
    if ret == 0:
        fds[address] = fd.value
print("many:", len(fds), "set up", flush=True)
sys.stdin.read()
released = [eal.rte_vfio_release_device(SYSFS, address.encode(), fd) for address, fd in fds.items()]
print("many:", released.count(0), "released")
