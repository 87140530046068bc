/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory that is pinned without a device: the registered buffers of io_uring, and the
 * physical addresses of /proc/self/pagemap. One small function per system call. Nothing
 * is ever submitted to the ring.
 *
 * The kernel pins a buffer for good (FOLL_LONGTERM in io_uring/rsrc.c), as iommufd does. It
 * counts its pages in VmPin, and in RLIMIT_MEMLOCK of a user without CAP_IPC_LOCK: the
 * whole of a hugepage of which a part is registered, once for each ring.
 *
 * All functions return 0 or -errno, take no lock, keep no state and may be called from any
 * thread; an fd belongs to the caller, who closes it with sys->close.
 */

#ifndef URING_H
#define URING_H

#include <stdint.h>

#include "iommufd.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most buffers of a ring, and most bytes of a buffer (io_uring/rsrc.c). */
#define URING_MOST_BUFFERS (1 << 14)
#define URING_MOST_BYTES (UINT64_C(1) << 30)

/**
 * Open a ring with room for buffers, none of which is registered yet (io_uring_setup(2),
 * IORING_REGISTER_BUFFERS2). Linux >= 5.13.
 *
 * @param buffers
 *   At most URING_MOST_BUFFERS.
 * @param ring
 *   The ring, close-on-exec.
 * @return
 *   0; -ENOSYS built without CONFIG_IO_URING; -EPERM forbidden: by seccomp,
 *   kernel.io_uring_disabled or a security module; -EINVAL an older kernel; -EMFILE, -ENFILE;
 *   -ENOMEM.
 */
int
vfio_uring_open(const struct iommufd_sys *sys, unsigned int buffers, int *ring);

/**
 * Register memory of this process as a buffer, which pins it
 * (IORING_REGISTER_BUFFERS_UPDATE). The buffer must not have any memory yet.
 *
 * @param va, len
 *   Start in this process, and bytes: at most URING_MOST_BYTES.
 * @return
 *   0; -EFAULT memory that is absent, read-only or not memory (a BAR); -EOPNOTSUPP memory of
 *   a file that is neither hugetlb nor shared memory; -ENOMEM out of memory or of
 *   RLIMIT_MEMLOCK.
 */
int
vfio_uring_buffer_set(const struct iommufd_sys *sys, int ring, unsigned int buffer, const void *va,
		      uint64_t len);

/**
 * Undo vfio_uring_buffer_set(). Before Linux 6.4 the kernel unpins the memory within a second.
 *
 * @return
 *   0; -ENOMEM.
 */
int
vfio_uring_buffer_clear(const struct iommufd_sys *sys, int ring, unsigned int buffer);

/**
 * Read physical addresses of this process. They are valid as long as the memory is pinned.
 *
 * @param pagemap
 *   /proc/self/pagemap, open for reading. CAP_SYS_ADMIN counts at the time of the open
 *   (fs/proc/task_mmu.c).
 * @param va
 *   Start of a base page.
 * @param len
 *   In: bytes to look at, from 1. Out: bytes that are contiguous, a multiple of the base
 *   page, or what it was.
 * @return
 *   0; -EACCES pagemap shows no addresses, without CAP_SYS_ADMIN; -EFAULT no memory there;
 *   -EIO pagemap cannot be read.
 */
int
vfio_uring_phys(const struct iommufd_sys *sys, int pagemap, uint64_t va, uint64_t *len,
		uint64_t *phys);

#ifdef __cplusplus
}
#endif

#endif /* URING_H */
