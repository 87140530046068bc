/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fake_faults.h"
#include "fake_kernel_private.h"
#include "iommufd_uapi.h"

#define LIVE 4096
#define ERRORS 4

/*
 * What the real calls return: those of the kernel in its sources, of the C library for memory.
 * Those without an error do not fail with what is theirs: see iommufd.h.
 */
static const struct {
	const char *name;
	int errors[ERRORS];
} calls[] = {
	[POINT_OPEN] = { "open", { EMFILE, EACCES, ENODEV } },
	[POINT_CLOSE] = { "close", { EIO } },
	[POINT_RDEV] = { "rdev", { 0 } },
	[POINT_DUP] = { "dup", { EMFILE } },
	[POINT_ADOPT] = { "adopt", { 0 } },
	[POINT_RESIDENT] = { "resident", { 0 } },
	[POINT_MINCORE] = { "mincore", { EAGAIN } },
	[POINT_PREAD] = { "pread", { ENOMEM } },
	[POINT_RING_OPEN] = { "io_uring_setup", { EMFILE, ENOMEM, EPERM } },
	[POINT_RING_REGISTER] = { "io_uring_register", { ENOMEM, EFAULT, EINTR } },
	[POINT_BIND] = { "BIND", { EBUSY, EINVAL, ENOMEM, EINTR } },
	[POINT_ATTACH] = { "ATTACH", { EBUSY, ENOMEM, EINVAL } },
	[POINT_DETACH] = { "DETACH", { ENODEV } },
	[POINT_GET_INFO] = { "GET_INFO", { ENODEV, EFAULT } },
	[POINT_IOAS_ALLOC] = { "IOAS_ALLOC", { ENOMEM } },
	[POINT_HWPT_ALLOC] = { "HWPT_ALLOC", { ENOMEM, EOPNOTSUPP, EFAULT } },
	[POINT_RANGES] = { "IOVA_RANGES", { ENOMEM, ENOENT } },
	[POINT_DESTROY] = { "DESTROY", { EBUSY } },
	[POINT_MAP] = { "MAP", { ENOMEM, EFAULT, EINTR } },
	[POINT_UNMAP] = { "UNMAP", { ENOENT, EBUSY, EINTR } },
	[POINT_COPY] = { "COPY", { ENOMEM } },
	[POINT_GET_PA] = { "GET_PA", { EPERM, EOPNOTSUPP } },
	[POINT_VMA] = { "PROCMAP_QUERY", { ENOTTY } },
	[POINT_IOCTL] = { "ioctl", { EINVAL } },
	[POINT_MALLOC] = { "malloc", { ENOMEM } },
	[POINT_CALLOC] = { "calloc", { ENOMEM } },
	[POINT_REALLOC] = { "realloc", { ENOMEM } },
	[POINT_REALLOCARRAY] = { "reallocarray", { ENOMEM } },
	[POINT_STRDUP] = { "strdup", { ENOMEM } },
	[POINT_MMAP] = { "mmap", { ENOMEM } },
	[POINT_OPENDIR] = { "opendir", { EMFILE, ENOMEM } },
	[POINT_SCANDIR] = { "scandir", { EMFILE, ENOMEM } },
	[POINT_FOPEN] = { "fopen", { EMFILE, ENOMEM } },
	[POINT_FILE] = { "openat", { EMFILE, EACCES } },
	[POINT_READLINK] = { "readlink", { ENOMEM } },
	[POINT_EVENTFD] = { "eventfd", { EMFILE } },
};

/* Guards what follows. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	unsigned int nth, variant;
	unsigned int count;
	unsigned char points[FAKE_POINTS];
	struct fake_fault failed;
	void *live[LIVE];
	unsigned int live_count;
} state;

static atomic_bool counting;
static __thread unsigned int paused;

void
fake_faults_begin(unsigned int nth, unsigned int variant)
{
	pthread_mutex_lock(&lock);
	state.nth = nth;
	state.variant = variant;
	state.count = 0;
	state.failed = (struct fake_fault){ NULL, 0 };
	state.live_count = 0;
	pthread_mutex_unlock(&lock);
	atomic_store(&counting, true);
}

unsigned int
fake_faults_end(void)
{
	atomic_store(&counting, false);
	return state.count;
}

struct fake_fault
fake_faults_failed(void)
{
	return state.failed;
}

unsigned int
fake_faults_variants(unsigned int nth)
{
	const int *errors = calls[state.points[nth - 1]].errors;
	unsigned int count = 0;

	while (count < ERRORS && errors[count] != 0)
		count++;
	return count;
}

unsigned int
fake_faults_live(void)
{
	return state.live_count;
}

int
fake_fault(enum fake_point point)
{
	int err = 0;

	if (!atomic_load(&counting) || paused != 0)
		return 0;
	pthread_mutex_lock(&lock);
	if (state.count == FAKE_POINTS)
		abort();
	state.points[state.count++] = point;
	if (state.count == state.nth) {
		err = calls[point].errors[state.variant];
		state.failed = (struct fake_fault){ calls[point].name, err };
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void
fake_faults_pause(void)
{
	paused++;
}

void
fake_faults_resume(void)
{
	paused--;
}

void
fake_faults_allocated(void *memory)
{
	if (memory == NULL || !atomic_load(&counting) || paused != 0)
		return;
	pthread_mutex_lock(&lock);
	if (state.live_count == LIVE)
		abort();
	state.live[state.live_count++] = memory;
	pthread_mutex_unlock(&lock);
}

/* The last ones are most often the first to go. */
void
fake_faults_freed(void *memory)
{
	unsigned int i;

	if (memory == NULL || !atomic_load(&counting))
		return;
	pthread_mutex_lock(&lock);
	for (i = state.live_count; i > 0 && state.live[i - 1] != memory; i--)
		;
	if (i > 0)
		state.live[i - 1] = state.live[--state.live_count];
	pthread_mutex_unlock(&lock);
}

/* A system call of the library begins: it fails, or the fake kernel works until done(). */
static bool
fails(enum fake_point point)
{
	const int err = fake_fault(point);

	if (err != 0)
		errno = err;
	else
		fake_faults_pause();
	return err != 0;
}

static ssize_t
done(ssize_t ret)
{
	fake_faults_resume();
	return ret;
}

static int
faulty_open(const char *path, int flags)
{
	return fails(POINT_OPEN) ? -1 : (int)done(fake_kernel_sys.open(path, flags));
}

/* The file is closed nevertheless, as in Linux. */
static int
faulty_close(int fd)
{
	const int ret = fake_kernel_sys.close(fd);

	return fails(POINT_CLOSE) ? -1 : (int)done(ret);
}

static enum fake_point
ioctl_point(unsigned long request)
{
	static const struct {
		unsigned long request;
		enum fake_point point;
	} ioctls[] = {
		{ IFD_VFIO_BIND, POINT_BIND },	      { IFD_VFIO_ATTACH, POINT_ATTACH },
		{ IFD_VFIO_DETACH, POINT_DETACH },    { IFD_VFIO_GET_INFO, POINT_GET_INFO },
		{ IFD_IOAS_ALLOC, POINT_IOAS_ALLOC }, { IFD_HWPT_ALLOC, POINT_HWPT_ALLOC },
		{ IFD_IOVA_RANGES, POINT_RANGES },    { IFD_DESTROY, POINT_DESTROY },
		{ IFD_IOAS_MAP, POINT_MAP },	      { IFD_IOAS_UNMAP, POINT_UNMAP },
		{ IFD_IOAS_COPY, POINT_COPY },	      { IFD_NOIOMMU_GET_PA, POINT_GET_PA },
		{ IFD_PROCMAP_QUERY, POINT_VMA },
	};

	for (size_t i = 0; i < sizeof(ioctls) / sizeof(ioctls[0]); i++)
		if (ioctls[i].request == request)
			return ioctls[i].point;
	return POINT_IOCTL;
}

static int
faulty_ioctl(int fd, unsigned long request, void *arg)
{
	return fails(ioctl_point(request)) ? -1 :
					     (int)done(fake_kernel_sys.ioctl(fd, request, arg));
}

static int
faulty_rdev(int fd, dev_t *rdev)
{
	return fails(POINT_RDEV) ? -1 : (int)done(fake_kernel_sys.rdev(fd, rdev));
}

static int
faulty_dup(int fd)
{
	return fails(POINT_DUP) ? -1 : (int)done(fake_kernel_sys.dup(fd));
}

static int
faulty_adopt(int fd)
{
	return fails(POINT_ADOPT) ? -1 : (int)done(fake_kernel_sys.adopt(fd));
}

static int
faulty_resident(const void *page)
{
	return fails(POINT_RESIDENT) ? -1 : (int)done(fake_kernel_sys.resident(page));
}

static uint64_t
faulty_now(void)
{
	return fake_kernel_sys.now();
}

static uint64_t
faulty_page_size(void)
{
	return fake_kernel_sys.page_size();
}

static int
faulty_uring_setup(unsigned int entries, void *params)
{
	return fails(POINT_RING_OPEN) ? -1 :
					(int)done(fake_kernel_sys.uring_setup(entries, params));
}

static int
faulty_uring_register(int ring, unsigned int opcode, void *arg, unsigned int size)
{
	return fails(POINT_RING_REGISTER) ?
		-1 :
		(int)done(fake_kernel_sys.uring_register(ring, opcode, arg, size));
}

static ssize_t
faulty_pread(int fd, void *buffer, size_t size, off_t offset)
{
	return fails(POINT_PREAD) ? -1 : done(fake_kernel_sys.pread(fd, buffer, size, offset));
}

const struct iommufd_sys fake_sys = {
	.open = faulty_open,
	.close = faulty_close,
	.ioctl = faulty_ioctl,
	.rdev = faulty_rdev,
	.file_id = fake_file_id,
	.dup = faulty_dup,
	.adopt = faulty_adopt,
	.resident = faulty_resident,
	.now = faulty_now,
	.page_size = faulty_page_size,
	.uring_setup = faulty_uring_setup,
	.uring_register = faulty_uring_register,
	.pread = faulty_pread,
};
