/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The calls of the library's own resident(), for programs that put it into their sys: of the fake
 * kernel's pages. pagemap is opened in fake_openat.c.
 */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_faults.h"
#include "fake_kernel_private.h"

int
__wrap_mincore(void *va, size_t len, unsigned char *in);
ssize_t
__wrap_pread64(int fd, void *buffer, size_t size, off_t offset);

int
__wrap_mincore(void *va, size_t len, unsigned char *in)
{
	const int err = fake_fault(POINT_MINCORE);

	(void)len;
	if (err != 0 || !fake_is_resident(va)) {
		errno = err != 0 ? err : ENOMEM;
		return -1;
	}
	*in = va != fake.swapped;
	return 0;
}

ssize_t
__wrap_pread64(int fd, void *buffer, size_t size, off_t offset)
{
	const uint64_t entry = UINT64_C(1) << 62; /* swapped out: it is read of no other page */
	const int err = fake_fault(POINT_PREAD);

	(void)fd;
	(void)offset;
	if (err != 0) {
		errno = err;
		return -1;
	}
	memcpy(buffer, &entry, size);
	return (ssize_t)size;
}
