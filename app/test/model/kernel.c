/* SPDX-License-Identifier: BSD-3-Clause */

/* The seam: before each call others may go on, or the process may end. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel_private.h"
#include "iommufd_uapi.h"
#include "world.h"

#define FD_BASE 1000
#define FDS FAKE_FILES
#define NOBODY 0

/* Whose a file is: a side's number, and one. */
static unsigned int owners[FDS];
static bool copies[FDS];

void
kernel_begin(void)
{
	memset(owners, 0, sizeof(owners));
	memset(copies, 0, sizeof(copies));
}

static int
owned(int fd)
{
	if (fd >= FD_BASE && fd < FD_BASE + FDS) {
		owners[fd - FD_BASE] = side_current() + 1;
		copies[fd - FD_BASE] = false;
	}
	return fd;
}

static void
call_begin(bool is_seen)
{
	explore_yield(is_seen);
	explore_atomic(true);
}

static int
call_end(int ret)
{
	explore_atomic(false);
	return ret;
}

static int
model_open(const char *path, int flags)
{
	call_begin(true);
	return call_end(owned(fake_sys.open(path, flags)));
}

static bool
is_kept(int fd)
{
	return world_defect == COPY_KEPT && side_current() == PRIMARY && copies[fd - FD_BASE] &&
		explore_is_dead(SECONDARY);
}

static int
model_close(int fd)
{
	call_begin(true);
	if (fd >= FD_BASE && fd < FD_BASE + FDS) {
		if (is_kept(fd))
			return call_end(0);
		owners[fd - FD_BASE] = NOBODY;
	}
	return call_end(fake_sys.close(fd));
}

static int
get_pa(int fd, struct ifd_noiommu_get_pa *cmd)
{
	const uint64_t iova = cmd->iova;
	int ret = fake_sys.ioctl(fd, IFD_NOIOMMU_GET_PA, cmd);
	struct ifd_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = cmd->ioas_id,
		.iova = iova,
		.length = FAKE_HUGE,
	};

	if (ret == 0 && world_defect == UNCONFIRMED && cmd->out_phys == fake_phys(PAGE))
		cmd->out_phys = rte_mem_virt2memseg(PAGE, rte_mem_virt2memseg_list(PAGE))->iova;
	if (ret == 0 && world_defect == UNPINNED)
		fake_sys.ioctl(fd, IFD_IOAS_UNMAP, &unmap);
	return ret;
}

static int
model_ioctl(int fd, unsigned long request, void *arg)
{
	call_begin(request == IFD_VFIO_BIND || request == IFD_VFIO_ATTACH ||
		   request == IFD_VFIO_DETACH);
	return call_end(request == IFD_NOIOMMU_GET_PA ? get_pa(fd, arg) :
							fake_sys.ioctl(fd, request, arg));
}

static int
model_rdev(int fd, dev_t *rdev)
{
	return fake_sys.rdev(fd, rdev);
}

static int
model_dup(int fd)
{
	int copy;

	call_begin(true);
	copy = owned(fake_sys.dup(fd));
	if (copy >= 0)
		copies[copy - FD_BASE] = true;
	return call_end(copy);
}

static int
model_adopt(int fd)
{
	call_begin(true);
	return call_end(fake_sys.adopt(fd));
}

static int
model_resident(const void *page)
{
	return fake_sys.resident(page);
}

static uint64_t
model_now(void)
{
	return fake_sys.now();
}

static uint64_t
model_page_size(void)
{
	return fake_sys.page_size();
}

static int
model_uring_setup(unsigned int entries, void *params)
{
	call_begin(true);
	return call_end(owned(fake_sys.uring_setup(entries, params)));
}

static int
model_uring_register(int ring, unsigned int opcode, void *arg, unsigned int size)
{
	call_begin(true);
	return call_end(fake_sys.uring_register(ring, opcode, arg, size));
}

static ssize_t
model_pread(int fd, void *buffer, size_t size, off_t offset)
{
	return fake_sys.pread(fd, buffer, size, offset);
}

const struct iommufd_sys model_sys = {
	.open = model_open,
	.close = model_close,
	.ioctl = model_ioctl,
	.rdev = model_rdev,
	.file_id = fake_file_id,
	.dup = model_dup,
	.adopt = model_adopt,
	.resident = model_resident,
	.now = model_now,
	.page_size = model_page_size,
	.uring_setup = model_uring_setup,
	.uring_register = model_uring_register,
	.pread = model_pread,
};

int
kernel_send(int fd, unsigned int to)
{
	const int sent = fake_send(fd);

	if (sent >= 0)
		owners[sent - FD_BASE] = to + 1;
	return sent;
}

void
kernel_died(unsigned int side)
{
	for (int fd = 0; fd < FDS; fd++) {
		if (owners[fd] != side + 1)
			continue;
		owners[fd] = NOBODY;
		fake_sys.close(fd + FD_BASE);
	}
}

unsigned int
world_files(unsigned int side, const char *node)
{
	unsigned int count = 0;

	for (int fd = 0; fd < FDS; fd++)
		count += owners[fd] == side + 1 && fake_files[fd].used &&
			strcmp(fake_files[fd].node->path, node) == 0;
	return count;
}

/* Of a message that is refused the files are closed without the seam (mp_message_close()). */
int
fcntl64(int fd, int cmd, ...)
{
	typedef int fcntl_call_t(int fd, int cmd, ...);
	fcntl_call_t *next;
	va_list ap;
	long arg;

	if (fd >= FD_BASE && fd < FD_BASE + FDS)
		return fake_files[fd - FD_BASE].cloexec ? FD_CLOEXEC : 0;
	*(void **)&next = dlsym(RTLD_NEXT, "fcntl64");
	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return next(fd, cmd, arg);
}

int
close(int fd)
{
	typedef int close_call_t(int fd);
	close_call_t *next;

	if (fd >= FD_BASE && fd < FD_BASE + FDS)
		return model_close(fd);
	*(void **)&next = dlsym(RTLD_NEXT, "close");
	return next(fd);
}
