/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "user.h"

/*
 * The kernel copies from this process to itself, and reports what cannot be accessed. Where
 * a seccomp filter forbids that, pointers are trusted.
 */
static ssize_t
read_some(const void *from, void *to, size_t size)
{
	const struct iovec here = { to, size }, there = { (void *)(uintptr_t)from, size };
	ssize_t done = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	if (done < 0 && errno != EFAULT) {
		memcpy(to, from, size);
		return (ssize_t)size;
	}
	return done;
}

bool
user_read(const void *from, void *to, size_t size)
{
	return read_some(from, to, size) == (ssize_t)size;
}

bool
user_write(void *to, const void *from, size_t size)
{
	const struct iovec here = { (void *)(uintptr_t)from, size }, there = { to, size };
	ssize_t done = process_vm_writev(getpid(), &here, 1, &there, 1, 0);

	if (done < 0 && errno != EFAULT) {
		memcpy(to, from, size);
		return true;
	}
	return done == (ssize_t)size;
}

/* Byte by byte, since the page behind its end may not be there. */
bool
user_text(const char *from, char *to, size_t size)
{
	size_t i;

	for (i = 0; i < size - 1; i++) {
		if (!user_read(from + i, to + i, 1))
			return false;
		if (to[i] == '\0')
			return true;
	}
	to[i] = '\0';
	return true;
}
