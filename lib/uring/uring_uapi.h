/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The part of the kernel's io_uring interface that this project uses, declared here like
 * that of iommufd (iommufd_uapi.h), and compared with the kernel's headers like it.
 *
 * Linux: include/uapi/linux/io_uring.h; entries of pagemap:
 * Documentation/admin-guide/mm/pagemap.rst
 */

#ifndef URING_UAPI_H
#define URING_UAPI_H

#include <stdint.h>

#define URING_REGISTER_BUFFERS2 15
#define URING_REGISTER_BUFFERS_UPDATE 16

/* Most of it is of no use without requests. */
struct uring_params {
	uint32_t unused[30];
};

struct uring_rsrc_register {
	uint32_t nr;
	uint32_t flags;
	uint64_t resv2 __attribute__((aligned(8)));
	uint64_t data __attribute__((aligned(8)));
	uint64_t tags __attribute__((aligned(8)));
};

struct uring_rsrc_update2 {
	uint32_t offset;
	uint32_t resv;
	uint64_t data __attribute__((aligned(8)));
	uint64_t tags __attribute__((aligned(8)));
	uint32_t nr;
	uint32_t resv2;
};

#define PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)

#endif /* URING_UAPI_H */
