/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compat.h"
#include "log_sink.h"
#include "next.h"
#include "pagemap.h"
#include "policy.h"
#include "prime.h"
#include "vfio_cdev_front.h"
#include "vfio_cdev_monitor.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define ENTRY_FRAME ((UINT64_C(1) << 55) - 1)
#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SIZE sizeof(uint64_t)

struct marks pagemap_marks;

/*
 * The file: all that a process opens are one inode as long as one of them is open. Without a
 * lock, since a signal handler may read it.
 */
static struct {
	_Atomic dev_t dev;
	_Atomic ino_t ino;
	atomic_int pid; /* a child of fork(2) or vfork(2) has that of its parent's memory */
} file;

static atomic_bool missing_logged;

/* Does this library change what is read? */
static bool
is_watched(void)
{
	return policy_get() == POLICY_REQUIRE ||
		(!front_is_forked() && (front_is_usable() || front_is_pinning()));
}

void
pagemap_opened(int fd)
{
	struct stat st;

	if (vfio_cdev_monitor_is_inside() || !is_watched() || next.fstat(fd, &st) < 0)
		return;
	atomic_store(&file.dev, st.st_dev);
	atomic_store(&file.ino, st.st_ino);
	atomic_store(&file.pid, getpid());
	marks_set(&pagemap_marks, fd);
}

static bool
is_pagemap(int fd)
{
	struct stat st;

	return next.fstat(fd, &st) == 0 && st.st_dev == atomic_load(&file.dev) &&
		st.st_ino == atomic_load(&file.ino) && getpid() == atomic_load(&file.pid);
}

/* As the EAL front reports it. */
static void
missing_log(void)
{
	if (!atomic_exchange(&missing_logged, true))
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "no physical addresses: pagemap is not used or cannot be read "
			 "(CAP_SYS_ADMIN), and no device without an IOMMU can give them; bind one "
			 "to vfio-pci that no other process uses, and give the process "
			 "CAP_SYS_RAWIO and /dev/iommu");
}

static bool
must_be_confirmed(void)
{
	return policy_get() == POLICY_REQUIRE || policy_phys() == PHYS_IOAS;
}

/*
 * Where the kernel reports addresses, a program that does not use VFIO binds no device: the
 * first device pins and compares what was given.
 */
static bool
must_pin(uint64_t entry)
{
	return front_is_used() || (entry & ENTRY_FRAME) == 0 || must_be_confirmed();
}

/* The frame of a page, and how many bytes from there on are in the same page; 0: none. */
static uint64_t
frame_find(const void *va, uint64_t entry, uint64_t page, uint64_t *rest)
{
	struct rte_vfio_cdev_domain *domain = front_domain();
	const uint64_t frame = entry & ENTRY_FRAME;
	uint64_t phys;

	*rest = page;
	if (domain == NULL)
		return 0;
	if (rte_vfio_cdev_domain_is_ready(domain) || (must_pin(entry) && prime_domain())) {
		if (vfio_cdev_provide(domain, va, &phys, rest) == 0)
			return phys / page;
		*rest = page;
		if (!front_is_pinning())
			return 0;
	}
	if (frame == 0 || must_be_confirmed()) {
		missing_log();
		return 0;
	}
	if (front_is_pinning())
		return frame;
	return rte_vfio_cdev_domain_expect(domain, va, frame * page) == 0 ? frame : 0;
}

/* Programs that look at the present bit alone would take frame 0 for an address. */
static uint64_t
entry_with(uint64_t entry, uint64_t frame)
{
	if (frame == 0 && (front_is_used() || (entry & ENTRY_FRAME) != 0))
		entry &= ~ENTRY_PRESENT;
	return (entry & ~ENTRY_FRAME) | frame;
}

/* The next entries that are of the page of the first one follow from it. */
static void
entries_fill(uint64_t *entries, size_t count, uint64_t index)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t frame = 0, rest = 0;

	for (size_t i = 0; i < count; i++, index++) {
		if ((entries[i] & ENTRY_PRESENT) == 0) {
			rest = 0;
			continue;
		}
		if (rest > page && frame != 0) {
			rest -= page;
			frame++;
		} else {
			frame = frame_find((const void *)(uintptr_t)(index * page), entries[i],
					   page, &rest);
		}
		entries[i] = entry_with(entries[i], frame);
	}
}

/* In a signal handler that has interrupted the library no page can be pinned. */
static void
entries_clear(uint64_t *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if ((entries[i] & ENTRY_PRESENT) != 0)
			entries[i] = entry_with(entries[i], 0);
}

/*
 * A program that uses no VFIO yet requests an address with one entry; more are read by those
 * that look at their memory as a whole, which gets nothing pinned.
 */
static bool
is_scan(size_t count)
{
	return count > 1 && !front_is_used() && policy_get() != POLICY_REQUIRE;
}

/* The kernel reads whole entries only. The library itself reads the kernel's. */
static void
entries_change(uint64_t *entries, size_t count, uint64_t index)
{
	const bool inside = vfio_cdev_monitor_is_inside();

	if (front_is_usable() && !is_scan(count)) {
		if (inside)
			entries_clear(entries, count);
		else
			entries_fill(entries, count, index);
	} else if (policy_get() == POLICY_REQUIRE) {
		missing_log();
		entries_clear(entries, count);
	} else if (front_is_pinning() && !inside) {
		entries_fill(entries, count, index);
	}
}

static void
fill(void *buffer, size_t size, off_t offset)
{
	const int err = errno;
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	entries_change(buffer, size / ENTRY_SIZE, (uint64_t)offset / ENTRY_SIZE);
	pthread_setcancelstate(state, &state);
	errno = err;
}

ssize_t
pagemap_pread(int fd, void *buffer, size_t size, off_t offset)
{
	const ssize_t done = next.pread(fd, buffer, size, offset);

	if (done > 0 && is_pagemap(fd))
		fill(buffer, (size_t)done, offset);
	return done;
}

/* By its offset, which another thread may change meanwhile. */
ssize_t
pagemap_read(int fd, void *buffer, size_t size)
{
	ssize_t done;
	off_t offset;

	if (!is_pagemap(fd))
		return next.read(fd, buffer, size);
	offset = lseek(fd, 0, SEEK_CUR);
	if (offset < 0)
		return next.read(fd, buffer, size);
	done = next.pread(fd, buffer, size, offset);
	if (done > 0) {
		fill(buffer, (size_t)done, offset);
		lseek(fd, offset + done, SEEK_SET);
	}
	return done;
}
