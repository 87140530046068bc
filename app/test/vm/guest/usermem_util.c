/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_vfio.h>

#include "proc.h"
#include "usermem.h"

const char *
why(const char *format, ...)
{
	static char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return text;
}

const char *
err_name(int ret)
{
	static char unknown[16];
	const char *name = ret < 0 ? strerrorname_np(-ret) : NULL;

	if (ret == 0)
		return "0";
	if (name != NULL)
		return name;
	snprintf(unknown, sizeof(unknown), "%d", ret);
	return unknown;
}

static void __attribute__((noreturn)) give_up(const char *what)
{
	fprintf(stderr, "usermem: cannot %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

uint8_t *
memory_new(uint64_t len, int prot, int flags, int fd)
{
	void *va = mmap(NULL, len, prot, flags, fd, 0);

	if (va == MAP_FAILED)
		give_up("map memory");
	return va;
}

uint8_t *
anon_new(uint64_t len)
{
	uint8_t *va = memory_new(len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(va, len, MADV_NOHUGEPAGE);
	memset(va, 1, len);
	return va;
}

uint8_t *
huge_new(uint64_t len)
{
	uint8_t *va = memory_new(len, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);

	memset(va, 1, len);
	return va;
}

int
memfd_new(uint64_t len)
{
	int fd = memfd_create("usermem", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, len) < 0)
		give_up("make a file in memory");
	return fd;
}

uint64_t
pinned_now(void)
{
	return UINT64_C(1024) * proc_number("/proc/self/status", "VmPin:");
}

struct rte_vfio_cdev_stats
stats_now(void)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(domain, &stats);
	return stats;
}

int
map(const void *va, uint64_t iova, uint64_t len)
{
	rte_errno = 0;
	return rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va, iova,
					  len) == 0 ?
		0 :
		-rte_errno;
}

int
unmap(const void *va, uint64_t iova, uint64_t len)
{
	rte_errno = 0;
	return rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va, iova,
					    len) == 0 ?
		0 :
		-rte_errno;
}
