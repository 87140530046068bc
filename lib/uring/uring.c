/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "uring.h"
#include "uring_uapi.h"

/* Entries of pagemap that are read at once. */
#define ENTRIES 64

static int
ring_register(const struct iommufd_sys *sys, int ring, unsigned int opcode, void *arg,
	      unsigned int size)
{
	const uint64_t start = sys->now();
	int ret;

	do {
		ret = sys->uring_register(ring, opcode, arg, size);
	} while (ret < 0 && errno == EINTR);
	ret = ret < 0 ? -errno : ret;
	iommufd_spend(sys->now() - start);
	return ret;
}

/* All empty: IORING_RSRC_REGISTER_SPARSE, which does that, is newer (Linux 5.19). */
static int
buffers_make(const struct iommufd_sys *sys, int ring, unsigned int buffers)
{
	struct iovec *empty = calloc(buffers, sizeof(*empty));
	struct uring_rsrc_register cmd = { .nr = buffers, .data = (uintptr_t)empty };
	int ret = -ENOMEM;

	if (empty != NULL)
		ret = ring_register(sys, ring, URING_REGISTER_BUFFERS2, &cmd, sizeof(cmd));
	free(empty);
	return ret < 0 ? ret : 0;
}

int
vfio_uring_open(const struct iommufd_sys *sys, unsigned int buffers, int *ring)
{
	struct uring_params params = { { 0 } };
	int fd = sys->uring_setup(1, &params), ret;

	if (fd < 0)
		return -errno;
	ret = buffers_make(sys, fd, buffers);
	if (ret < 0)
		sys->close(fd);
	else
		*ring = fd;
	return ret;
}

static int
buffer_update(const struct iommufd_sys *sys, int ring, unsigned int buffer,
	      const struct iovec *memory)
{
	struct uring_rsrc_update2 cmd = {
		.offset = buffer,
		.data = (uintptr_t)memory,
		.nr = 1,
	};
	const int ret = ring_register(sys, ring, URING_REGISTER_BUFFERS_UPDATE, &cmd, sizeof(cmd));

	if (ret < 0)
		return ret;
	return ret == 1 ? 0 : -EPROTO;
}

int
vfio_uring_buffer_set(const struct iommufd_sys *sys, int ring, unsigned int buffer, const void *va,
		      uint64_t len)
{
	const struct iovec memory = { (void *)(uintptr_t)va, len };

	return buffer_update(sys, ring, buffer, &memory);
}

int
vfio_uring_buffer_clear(const struct iommufd_sys *sys, int ring, unsigned int buffer)
{
	const struct iovec none = { NULL, 0 };

	return buffer_update(sys, ring, buffer, &none);
}

static int
entry_phys(uint64_t entry, uint64_t page, uint64_t *phys)
{
	if ((entry & PAGEMAP_PRESENT) == 0)
		return -EFAULT;
	*phys = (entry & PAGEMAP_FRAME) * page;
	return *phys != 0 ? 0 : -EACCES;
}

int
vfio_uring_phys(const struct iommufd_sys *sys, int pagemap, uint64_t va, uint64_t *len,
		uint64_t *phys)
{
	const uint64_t page = sys->page_size();
	const uint64_t want = (*len + page - 1) / page;
	const size_t count = want < ENTRIES ? want : ENTRIES;
	uint64_t entries[ENTRIES], next;
	ssize_t size;
	size_t i = 1;
	int ret;

	size = sys->pread(pagemap, entries, count * sizeof(entries[0]),
			  (off_t)(va / page * sizeof(entries[0])));
	if (size != (ssize_t)(count * sizeof(entries[0])))
		return -EIO;
	ret = entry_phys(entries[0], page, phys);
	if (ret < 0)
		return ret;
	while (i < count && entry_phys(entries[i], page, &next) == 0 && next == *phys + i * page)
		i++;
	if (i * page < *len)
		*len = i * page;
	return 0;
}
