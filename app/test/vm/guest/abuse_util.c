/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abuse.h"
#include "proc.h"

#define FILE_LEN 4096
#define SAME_TRIES 100

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

void
note(const char *format, ...)
{
	va_list args;

	printf("note %s: ", abuse_name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

const char *
device_open(void)
{
	const int ret = vfio_group_open(&abuse_vfio, abuse_bdf);

	return ret == 0 ? NULL : why("%s: %s", abuse_vfio.step, strerror(-ret));
}

off_t
entry_offset(const void *va)
{
	return (uintptr_t)va / SMALL_PAGE * sizeof(uint64_t);
}

/* The first call is made with the privileges of the start. */
uint64_t
raw_entry(const void *va)
{
	static int fd = -1;
	static pid_t owner;
	uint64_t entry = 0;

	if (owner != getpid()) {
		fd = syscall(SYS_openat, AT_FDCWD, PAGEMAP, O_RDONLY | O_CLOEXEC);
		owner = getpid();
	}
	if (syscall(SYS_pread64, fd, &entry, sizeof(entry), entry_offset(va)) != sizeof(entry))
		return 0;
	return entry;
}

ssize_t
entry_pread(int fd, const void *va, uint64_t *entry)
{
	return pread(fd, entry, sizeof(*entry), entry_offset(va));
}

uint64_t
entry_read(const void *va)
{
	const int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0 || entry_pread(fd, va, &entry) != sizeof(entry))
		entry = 0;
	if (fd >= 0)
		close(fd);
	return entry;
}

const char *
entry_harmless(uint64_t entry, const void *va)
{
	const uint64_t raw = raw_entry(va);

	/* A child of one that has dropped its privileges has none to compare with. */
	if ((raw & ENTRY_PRESENT) != 0 && (raw & ENTRY_PFN) == 0)
		return NULL;
	if ((entry & ENTRY_PFN) != 0 && (entry & ENTRY_PFN) != (raw & ENTRY_PFN))
		return why("%p: frame %#jx, the kernel has %#jx", va,
			   (uintmax_t)(entry & ENTRY_PFN), (uintmax_t)(raw & ENTRY_PFN));
	return NULL;
}

const char *
entry_check(int fd, uint8_t *va)
{
	uint64_t entry = 0;
	int moved;

	CHECK(entry_pread(fd, va, &entry) == sizeof(entry));
	CHECK((entry & ENTRY_PRESENT) != 0);
	if ((entry & ENTRY_PFN) == 0)
		return why("%p: no frame", (void *)va);
	CHECK_CASE(entry_harmless(entry, va));
	if (!abuse_front || abuse_vfio.device < 0)
		return NULL;
	moved = page_move(va);
	return moved == 0 ? NULL : why("%p: moved %d", (void *)va, moved);
}

const char *
page_check(uint8_t *va)
{
	const int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	const char *wrong;

	CHECK(fd >= 0);
	wrong = entry_check(fd, va);
	close(fd);
	return wrong;
}

uint64_t
pinned_now(void)
{
	return UINT64_C(1024) * proc_number("/proc/self/status", "VmPin:");
}

struct abuse_state
state_now(void)
{
	return (struct abuse_state){ .pinned = pinned_now(), .huge_free = huge_free() };
}

/* Others of the guest end meanwhile, whose pages come back a little later. */
const char *
state_check(const struct abuse_state *before)
{
	struct abuse_state now = state_now();

	for (int i = 0; i < SAME_TRIES && now.huge_free < before->huge_free; i++) {
		usleep(10000);
		now = state_now();
	}
	if (now.pinned != before->pinned)
		return why("pinned: %ju bytes then %ju", (uintmax_t)before->pinned,
			   (uintmax_t)now.pinned);
	if (now.huge_free < before->huge_free)
		return why("free hugepages: %u then %u", before->huge_free, now.huge_free);
	return NULL;
}

int
file_new(void)
{
	char path[] = "/tmp/abuse-XXXXXX";
	uint8_t bytes[FILE_LEN];
	const int fd = mkstemp(path);

	for (unsigned int i = 0; i < FILE_LEN; i++)
		bytes[i] = i * 7 % 251;
	if (fd < 0 || write(fd, bytes, FILE_LEN) != FILE_LEN || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	unlink(path);
	return fd;
}

const char *
file_check(int fd)
{
	uint8_t bytes[64];

	for (off_t at = 0; at < FILE_LEN; at += 1000) {
		memset(bytes, 0, sizeof(bytes));
		CHECK(lseek(fd, at, SEEK_SET) == at);
		CHECK(read(fd, bytes, sizeof(bytes)) == sizeof(bytes));
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			CHECK(bytes[i] == (at + i) * 7 % 251);
		memset(bytes, 0, sizeof(bytes));
		CHECK(pread(fd, bytes, sizeof(bytes), at + 8) == sizeof(bytes));
		for (unsigned int i = 0; i < sizeof(bytes); i++)
			CHECK(bytes[i] == (at + 8 + i) * 7 % 251);
	}
	return NULL;
}

unsigned int
files_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}
