# SPDX-License-Identifier: BSD-3-Clause
"""Runs in the guest: binds each of these cdevs and attaches it to an address space of its own.

    bindable.py NODE...

Ends with an error if one cannot, as when somebody, or the kernel itself, still has it.
"""

import fcntl
import os
import struct
import sys

# include/uapi/linux/{iommufd,vfio}.h
IOAS_ALLOC, BIND, ATTACH = 0x3b81, 0x3b76, 0x3b77

for node in sys.argv[1:]:
    iommufd, device = (os.open(path, os.O_RDWR | os.O_CLOEXEC) for path in ("/dev/iommu", node))
    fcntl.ioctl(device, BIND, struct.pack("=IIiI", 16, 0, iommufd, 0))
    ioas = fcntl.ioctl(iommufd, IOAS_ALLOC, struct.pack("=III", 12, 0, 0))
    fcntl.ioctl(device, ATTACH, struct.pack("=III", 12, 0, struct.unpack("=III", ioas)[2]))
    os.close(device)
    os.close(iommufd)
