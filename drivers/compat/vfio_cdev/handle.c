/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compat.h"
#include "handle.h"
#include "next.h"
#include "vfio_uapi.h"

#define PCI_COMMAND 4
#define PCI_COMMAND_MASTER 4

struct handle {
	int fd;
	unsigned int minor;
};

struct marks handle_marks;

/* Guarded by front_lock. */
static struct handle *handles;
static size_t handle_count;

bool
handle_is_live(int fd, unsigned int number)
{
	struct stat st;

	return next.fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && minor(st.st_rdev) == number;
}

/* front_lock is held. */
static bool
any_is_live(unsigned int minor)
{
	for (size_t i = 0; i < handle_count; i++)
		if (handles[i].minor == minor && handle_is_live(handles[i].fd, minor))
			return true;
	return false;
}

static struct handle *
handle_find(int fd)
{
	for (size_t i = 0; i < handle_count; i++)
		if (handles[i].fd == fd)
			return &handles[i];
	return NULL;
}

bool
handle_exists(unsigned int minor)
{
	bool exists;

	pthread_mutex_lock(&front_lock);
	exists = any_is_live(minor);
	pthread_mutex_unlock(&front_lock);
	return exists;
}

/* front_lock is held. Without memory the device is stopped when the group is closed. */
static void
handle_record(int fd, unsigned int minor)
{
	struct handle *handle = handle_find(fd), *more;

	if (handle == NULL) {
		more = reallocarray(handles, handle_count + 1, sizeof(*handles));
		if (more == NULL)
			return;
		handles = more;
		handle = &handles[handle_count++];
	}
	*handle = (struct handle){ .fd = fd, .minor = minor };
	marks_set(&handle_marks, fd);
}

void
handle_add(int fd, unsigned int minor)
{
	pthread_mutex_lock(&front_lock);
	handle_record(fd, minor);
	pthread_mutex_unlock(&front_lock);
}

void
handle_copied(int fd, int copy)
{
	const struct handle *handle;

	if (!front_is_own())
		return;
	pthread_mutex_lock(&front_lock);
	handle = handle_find(fd);
	if (handle != NULL && handle_is_live(fd, handle->minor))
		handle_record(copy, handle->minor);
	pthread_mutex_unlock(&front_lock);
}

/* Only PCI devices have bus mastering (drivers/vfio/pci/vfio_pci_core.c). */
static void
device_stop(int fd)
{
	struct compat_region_info region = { .argsz = sizeof(region), .index = COMPAT_PCI_CONFIG };
	struct compat_device_info info = { .argsz = sizeof(info) };
	uint16_t command;

	if (next.ioctl(fd, COMPAT_DEVICE_GET_INFO, &info) < 0 ||
	    (info.flags & COMPAT_DEVICE_PCI) == 0 ||
	    next.ioctl(fd, COMPAT_GET_REGION_INFO, &region) < 0 ||
	    next.pread(fd, &command, sizeof(command), (off_t)region.offset + PCI_COMMAND) !=
		    sizeof(command))
		return;
	command &= (uint16_t)~PCI_COMMAND_MASTER;
	if (pwrite(fd, &command, sizeof(command), (off_t)region.offset + PCI_COMMAND) < 0)
		return;
}

/* Is it the last one of its device? front_lock is held. */
static bool
is_last(int fd)
{
	struct handle *handle = handle_find(fd);
	unsigned int minor;

	if (handle == NULL || !handle_is_live(fd, handle->minor))
		return false;
	minor = handle->minor;
	*handle = handles[--handle_count];
	return !any_is_live(minor);
}

void
handle_close(int fd)
{
	bool last;

	if (!front_is_own())
		return;
	pthread_mutex_lock(&front_lock);
	last = is_last(fd);
	pthread_mutex_unlock(&front_lock);
	if (last)
		device_stop(fd);
}

/* Devices are the parent's. */
static void
handles_forget(void)
{
	handle_count = 0;
}

__attribute__((constructor)) static void
handles_start(void)
{
	pthread_atfork(NULL, NULL, handles_forget);
}
