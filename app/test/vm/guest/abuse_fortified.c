/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The C library's variants: built with _FORTIFY_SOURCE, so that lengths and flags
 * that the compiler does not know become calls of __read_chk() and __open_2(), and
 * with the names that end in 64.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "abuse.h"

static volatile size_t entry_len = sizeof(uint64_t);
static volatile int read_only = O_RDONLY | O_CLOEXEC;

typedef int (*opener_t)(void);

static int
by_open(void)
{
	return open(PAGEMAP, read_only); /* __open_2 */
}

static int
by_open64(void)
{
	return open64(PAGEMAP, read_only); /* __open64_2 */
}

static int
by_openat(void)
{
	return openat(AT_FDCWD, PAGEMAP, read_only); /* __openat_2 */
}

static int
by_openat64(void)
{
	return openat64(AT_FDCWD, PAGEMAP, read_only); /* __openat64_2 */
}

static int
by_open_plain(void)
{
	return open(PAGEMAP, O_RDONLY | O_CLOEXEC);
}

static int
by_open64_plain(void)
{
	return open64(PAGEMAP, O_RDONLY | O_CLOEXEC);
}

static int
by_openat_plain(void)
{
	return openat(-1, PAGEMAP, O_RDONLY | O_CLOEXEC);
}

static int
by_openat64_plain(void)
{
	return openat64(AT_FDCWD, PAGEMAP, O_RDONLY | O_CLOEXEC);
}

typedef ssize_t (*reader_t)(int fd, const void *va, uint64_t *entry);

static ssize_t
by_read(int fd, const void *va, uint64_t *entry)
{
	uint64_t own[2] = { 0, 0 };
	ssize_t len;

	lseek(fd, entry_offset(va), SEEK_SET);
	len = read(fd, own, entry_len); /* __read_chk */
	*entry = own[0];
	return len;
}

static ssize_t
by_lseek64(int fd, const void *va, uint64_t *entry)
{
	lseek64(fd, entry_offset(va), SEEK_SET);
	return read(fd, entry, sizeof(*entry));
}

static ssize_t
by_pread(int fd, const void *va, uint64_t *entry)
{
	uint64_t own[2] = { 0, 0 };
	const ssize_t len = pread(fd, own, entry_len, entry_offset(va)); /* __pread_chk */

	*entry = own[0];
	return len;
}

static ssize_t
by_pread64(int fd, const void *va, uint64_t *entry)
{
	uint64_t own[2] = { 0, 0 };
	const ssize_t len = pread64(fd, own, entry_len, entry_offset(va)); /* __pread64_chk */

	*entry = own[0];
	return len;
}

static ssize_t
by_pread_plain(int fd, const void *va, uint64_t *entry)
{
	return pread(fd, entry, sizeof(*entry), entry_offset(va));
}

static ssize_t
by_pread64_plain(int fd, const void *va, uint64_t *entry)
{
	return pread64(fd, entry, sizeof(*entry), entry_offset(va));
}

static const char *
case_each_name_of_open_and_read(void)
{
	static const opener_t openers[] = { by_open,	     by_open64,	       by_openat,
					    by_openat64,     by_open_plain,    by_open64_plain,
					    by_openat_plain, by_openat64_plain };
	static const reader_t readers[] = { by_read,	by_lseek64,	by_pread,
					    by_pread64, by_pread_plain, by_pread64_plain };
	uint8_t *va = huge_new(1);
	uint64_t entry;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	for (unsigned int i = 0; i < sizeof(openers) / sizeof(openers[0]); i++)
		for (unsigned int j = 0; j < sizeof(readers) / sizeof(readers[0]); j++) {
			const int fd = openers[i]();

			CHECK(fd >= 0 && readers[j](fd, va, &entry) == sizeof(entry));
			if ((entry & ENTRY_PFN) == 0)
				return why("no frame by opener %u and reader %u", i, j);
			CHECK_CASE(entry_harmless(entry, va));
			close(fd);
		}
	return NULL;
}

/* An opener of the nodes, by all names. */
static const char *
case_each_name_of_open_for_a_group(void)
{
	volatile int flags = O_RDWR | O_CLOEXEC;
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_group found;
	int fd;

	CHECK(vfio_group_find(&found, abuse_bdf) == 0);
	for (int i = 0; i < 6; i++) {
		fd = i == 0    ? open(found.node, flags) :
			i == 1 ? open64(found.node, flags) :
			i == 2 ? openat(AT_FDCWD, found.node, flags) :
			i == 3 ? openat64(AT_FDCWD, found.node, flags) :
			i == 4 ? openat(1, found.node, O_RDWR) :
				 open64(found.node, O_RDWR);
		if (fd < 0 || ioctl(fd, VFIO_GROUP_GET_STATUS, &status) != 0 ||
		    (status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
			return why("opener %d: %s, flags %#x", i, strerrorname_np(errno),
				   status.flags);
		close(fd);
	}
	return NULL;
}

const struct abuse_case fortified_cases[] = {
	CASE(each_name_of_open_and_read),
	CASE(each_name_of_open_for_a_group),
	{ NULL, NULL, false },
};
