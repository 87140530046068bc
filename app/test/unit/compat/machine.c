/* SPDX-License-Identifier: BSD-3-Clause */

/* The kernel beyond the fake one: struct next, and the C library where the front calls it. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_faults.h"
#include "test_compat.h"
#include "vfio_cdev_private.h"

#define FIRST_FD 1000 /* of the fake kernel's */
#define FDS 64
#define CONFIG_OFFSET (INT64_C(7) << 40) /* of the region, in the file */
#define SWAP_ENTRY (UINT64_C(1) << 62 | 5)

struct machine machine;

static struct next real;
static off_t offsets[FDS];   /* by fd - FIRST_FD */
static char groups[FDS][64]; /* the cdev that cannot be bound while the kernel's group is open */

static bool
is_fake(int fd)
{
	return fd >= FIRST_FD && fd < FIRST_FD + FDS;
}

/* In the first page: sanitizers would look at it before the kernel does. */
static bool
is_invalid(const char *path)
{
	errno = EFAULT;
	return (uintptr_t)path < 4096;
}

/* A point of fake_faults.h. */
static bool
fails(enum fake_point point)
{
	const int err = fake_fault(point);

	if (err != 0)
		errno = err;
	return err != 0;
}

/* The path in the fake sysfs, or the same. */
static const char *
path_of(const char *path)
{
	static char text[PATH_MAX];

	if (strncmp(path, "/sys/", 5) != 0)
		return path;
	snprintf(text, sizeof(text), "%s/%s", fake_sysfs_root(), path + 5);
	return text;
}

static void
group_opened(int fd, const char *path)
{
	if (fd < 0)
		return;
	offsets[fd - FIRST_FD] = 0;
	groups[fd - FIRST_FD][0] = '\0';
	if (strncmp(path, COMPAT_GROUP, strlen(COMPAT_GROUP)) != 0)
		return;
	snprintf(groups[fd - FIRST_FD], sizeof(groups[0]), FAKE_CDEV("noiommu-vfio%s"),
		 path + strlen(COMPAT_GROUP));
	if (fake_node(groups[fd - FIRST_FD]) != NULL)
		fake_node(groups[fd - FIRST_FD])->group_open = true;
}

static int
cmdline_open(void)
{
	const int fd = memfd_create("cmdline", MFD_CLOEXEC);

	assert_int_equal(write(fd, machine.cmdline, machine.cmdline_size), machine.cmdline_size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static int
machine_openat(int dir, const char *path, int flags, mode_t mode)
{
	int fd;

	if (is_invalid(path))
		return -1;
	if (machine.cmdline != NULL && strcmp(path, "/proc/self/cmdline") == 0)
		return cmdline_open();
	if (strncmp(path, "/dev/vfio", 9) != 0 && strcmp(path, FAKE_IOMMU) != 0 &&
	    strcmp(path, PAGEMAP) != 0)
		return fails(POINT_FILE) ? -1 : real.openat(dir, path_of(path), flags, mode);
	machine.open_flags = flags;
	fd = fake_sys.open(path, O_RDWR | O_CLOEXEC);
	group_opened(fd, path);
	return fd;
}

static int
machine_open(const char *path, int flags, mode_t mode)
{
	return machine_openat(AT_FDCWD, path, flags, mode);
}

static int
machine_close(int fd)
{
	if (!is_fake(fd))
		return real.close(fd);
	if (groups[fd - FIRST_FD][0] != '\0' && fake_node(groups[fd - FIRST_FD]) != NULL)
		fake_node(groups[fd - FIRST_FD])->group_open = false;
	groups[fd - FIRST_FD][0] = '\0';
	return fake_sys.close(fd);
}

/* Files without a device number are pagemap. */
static int
machine_fstat(int fd, struct stat *st)
{
	dev_t rdev = 0;

	if (!is_fake(fd))
		return real.fstat(fd, st);
	*st = (struct stat){ .st_mode = S_IFCHR, .st_dev = 5 };
	if (fake_sys.rdev(fd, &rdev) < 0) {
		machine.closed_stats++;
		return -1;
	}
	st->st_rdev = rdev;
	if (rdev == 0) {
		st->st_mode = S_IFREG;
		st->st_ino = machine.pagemap_ino;
	}
	return 0;
}

/* What the fake kernel has not: the region of a device's configuration, and its reset. */
static int
cdev_ioctl(int fd, unsigned long request, void *arg)
{
	struct compat_device_info info = { .argsz = sizeof(info) };
	struct compat_region_info *region = arg;
	int ret;

	if (request != COMPAT_GET_REGION_INFO && request != COMPAT_DEVICE_RESET) {
		ret = fake_sys.ioctl(fd, request, arg);
		if (ret == 0 && request == COMPAT_DEVICE_GET_INFO && machine.no_pci)
			((struct compat_device_info *)arg)->flags = 0;
		return ret;
	}
	fake_faults_pause();
	ret = fake_sys.ioctl(fd, COMPAT_DEVICE_GET_INFO, &info);
	fake_faults_resume();
	if (ret < 0)
		return -1;
	if (request == COMPAT_DEVICE_RESET) {
		machine.resets++;
		return 0;
	}
	assert_int_equal(region->argsz, sizeof(*region));
	assert_int_equal(region->index, COMPAT_PCI_CONFIG);
	region->offset = CONFIG_OFFSET;
	return 0;
}

static int
machine_ioctl(int fd, unsigned long request, void *arg)
{
	dev_t rdev = 0;

	if (!is_fake(fd))
		return real.ioctl(fd, request, arg);
	if (fake_sys.rdev(fd, &rdev) == 0 && major(rdev) == FAKE_MAJOR)
		return cdev_ioctl(fd, request, arg);
	machine.ioctls++;
	machine.ioctl_request = request;
	machine.ioctl_arg = (uintptr_t)arg;
	errno = machine.ioctl_errno;
	return machine.ioctl_ret;
}

/* The command register of the device, where it is read or written; NULL: not that. */
static uint16_t *
command_at(int fd, size_t size, off_t offset)
{
	dev_t rdev = 0;

	if (offset != CONFIG_OFFSET + 4 || size != sizeof(machine.command[0]) ||
	    fake_sys.rdev(fd, &rdev) < 0 || major(rdev) != FAKE_MAJOR)
		return NULL;
	return &machine.command[minor(rdev)];
}

/* pwrite() of objects with _FILE_OFFSET_BITS=64. */
ssize_t
__real_pwrite64(int fd, const void *buffer, size_t size, off_t offset);
ssize_t
__wrap_pwrite64(int fd, const void *buffer, size_t size, off_t offset);

ssize_t
__wrap_pwrite64(int fd, const void *buffer, size_t size, off_t offset)
{
	uint16_t *command;

	if (!is_fake(fd))
		return __real_pwrite64(fd, buffer, size, offset);
	command = command_at(fd, size, offset);
	assert_non_null(command);
	memcpy(command, buffer, size);
	machine.command_writes++;
	return (ssize_t)size;
}

static ssize_t
machine_pread(int fd, void *buffer, size_t size, off_t offset)
{
	uint64_t *entries = buffer;
	const uint16_t *command;
	ssize_t done;

	if (!is_fake(fd))
		return real.pread(fd, buffer, size, offset);
	command = command_at(fd, size, offset);
	if (command != NULL) {
		memcpy(buffer, command, size);
		return (ssize_t)size;
	}
	machine.reads++;
	done = fake_sys.pread(fd, buffer, size, offset);
	for (ssize_t i = 0; i < done / 8; i++) {
		if (machine.swapped != NULL &&
		    (offset / 8 + i) * (off_t)FAKE_PAGE == (off_t)(uintptr_t)machine.swapped)
			entries[i] = SWAP_ENTRY;
		entries[i] |= machine.entry_flags;
	}
	return done;
}

static ssize_t
machine_read(int fd, void *buffer, size_t size)
{
	ssize_t done;

	if (!is_fake(fd))
		return real.read(fd, buffer, size);
	done = machine_pread(fd, buffer, size, offsets[fd - FIRST_FD]);
	if (done > 0)
		offsets[fd - FIRST_FD] += done;
	return done;
}

/* lseek() of objects with _FILE_OFFSET_BITS=64. */
off_t
__real_lseek64(int fd, off_t offset, int whence);
off_t
__wrap_lseek64(int fd, off_t offset, int whence);

off_t
__wrap_lseek64(int fd, off_t offset, int whence)
{
	if (!is_fake(fd))
		return __real_lseek64(fd, offset, whence);
	if (whence == SEEK_SET)
		offsets[fd - FIRST_FD] = offset;
	return offsets[fd - FIRST_FD];
}

static ssize_t
machine_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	if (is_invalid(path))
		return -1;
	return fails(POINT_READLINK) ? -1 : real.readlinkat(dir, path_of(path), buffer, size);
}

static ssize_t
machine_readlink(const char *path, char *buffer, size_t size)
{
	return machine_readlinkat(AT_FDCWD, path, buffer, size);
}

static int
machine_dup(int fd)
{
	return is_fake(fd) ? fake_sys.dup(fd) : real.dup(fd);
}

/* The number is the fake kernel's, which takes the lowest: that of the file that is closed. */
static int
fake_dup2(int fd, int as)
{
	if (is_fake(as))
		machine_close(as);
	return fake_sys.dup(fd);
}

static int
machine_dup2(int fd, int as)
{
	return is_fake(fd) ? fake_dup2(fd, as) : real.dup2(fd, as);
}

static int
machine_dup3(int fd, int as, int flags)
{
	return is_fake(fd) ? fake_dup2(fd, as) : real.dup3(fd, as, flags);
}

static int
machine_fcntl(int fd, int command, void *arg)
{
	dev_t rdev;

	if (!is_fake(fd))
		return real.fcntl(fd, command, arg);
	if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
		return fake_sys.dup(fd);
	return fake_sys.rdev(fd, &rdev);
}

int
__wrap_usleep(useconds_t us);

int
__wrap_usleep(useconds_t us)
{
	machine.sleeps += us > 0;
	if (machine.sleeps == machine.idle_after && us > 0)
		fake_node(CDEV0)->bound = false;
	return 0;
}

ssize_t
__real_process_vm_readv(pid_t pid, const struct iovec *here, unsigned long here_count,
			const struct iovec *there, unsigned long there_count, unsigned long flags);
ssize_t
__wrap_process_vm_readv(pid_t pid, const struct iovec *here, unsigned long here_count,
			const struct iovec *there, unsigned long there_count, unsigned long flags);

ssize_t
__wrap_process_vm_readv(pid_t pid, const struct iovec *here, unsigned long here_count,
			const struct iovec *there, unsigned long there_count, unsigned long flags)
{
	errno = EPERM;
	return machine.no_vm_access ?
		-1 :
		__real_process_vm_readv(pid, here, here_count, there, there_count, flags);
}

ssize_t
__real_process_vm_writev(pid_t pid, const struct iovec *here, unsigned long here_count,
			 const struct iovec *there, unsigned long there_count, unsigned long flags);
ssize_t
__wrap_process_vm_writev(pid_t pid, const struct iovec *here, unsigned long here_count,
			 const struct iovec *there, unsigned long there_count, unsigned long flags);

ssize_t
__wrap_process_vm_writev(pid_t pid, const struct iovec *here, unsigned long here_count,
			 const struct iovec *there, unsigned long there_count, unsigned long flags)
{
	errno = EPERM;
	return machine.no_vm_access ?
		-1 :
		__real_process_vm_writev(pid, here, here_count, there, there_count, flags);
}

static void
syslog_note(int priority, const char *format, va_list ap)
{
	vsnprintf(machine.syslog_text, sizeof(machine.syslog_text), format, ap);
	machine.syslog_priority = priority;
	machine.syslogs++;
}

void
__wrap_syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

void
__wrap_syslog(int priority, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	syslog_note(priority, format, ap);
	va_end(ap);
}

void
__wrap___syslog_chk(int priority, int flag, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* With _FORTIFY_SOURCE. */
void
__wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list ap;

	(void)flag;
	va_start(ap, format);
	syslog_note(priority, format, ap);
	va_end(ap);
}

int
__real_stat64(const char *path, struct stat *st);
int
__wrap_stat64(const char *path, struct stat *st);

int
__wrap_stat64(const char *path, struct stat *st)
{
	if (strcmp(path, FAKE_IOMMU) != 0)
		return __real_stat64(path, st);
	errno = ENOENT;
	if (fake_node(path) == NULL)
		return -1;
	*st = (struct stat){ .st_mode = S_IFCHR, .st_rdev = fake_node(path)->rdev };
	return 0;
}

/* The front knows the standard error of the start, which is another while a test reads lines. */
int
__real_fstat64(int fd, struct stat *st);
int
__wrap_fstat64(int fd, struct stat *st);

int
__wrap_fstat64(int fd, struct stat *st)
{
	return __real_fstat64(fd == STDERR_FILENO && machine.error > 0 ? machine.error : fd, st);
}

unsigned long
__real_getauxval(unsigned long type);
unsigned long
__wrap_getauxval(unsigned long type);

unsigned long
__wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE ? machine.secure : __real_getauxval(type);
}

int
__wrap_rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx);

int
__wrap_rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), log, arg, ctx);
}

int
__real_rte_vfio_cdev_find(const struct rte_vfio_cdev_ctx *ctx, const char *base, const char *addr,
			  struct rte_vfio_cdev_info *info);
int
__wrap_rte_vfio_cdev_find(const struct rte_vfio_cdev_ctx *ctx, const char *base, const char *addr,
			  struct rte_vfio_cdev_info *info);

int
__wrap_rte_vfio_cdev_find(const struct rte_vfio_cdev_ctx *ctx, const char *base, const char *addr,
			  struct rte_vfio_cdev_info *info)
{
	return __real_rte_vfio_cdev_find(ctx, path_of(base), addr, info);
}

void
machine_start(void)
{
	machine = (struct machine){ .pagemap_ino = 4711 };
	real = next;
	next = (struct next){
		.open = machine_open,
		.open64 = machine_open,
		.openat = machine_openat,
		.openat64 = machine_openat,
		.close = machine_close,
		.fstat = machine_fstat,
		.ioctl = machine_ioctl,
		.read = machine_read,
		.pread = machine_pread,
		.pread64 = machine_pread,
		.readlink = machine_readlink,
		.readlinkat = machine_readlinkat,
		.dup = machine_dup,
		.dup2 = machine_dup2,
		.dup3 = machine_dup3,
		.fcntl = machine_fcntl,
		.fcntl64 = machine_fcntl,
		.dlopen = real.dlopen,
	};
}
