/* SPDX-License-Identifier: BSD-3-Clause */

/* The fake kernel's nodes, files and devices: drivers/vfio/device_cdev.c. */

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fake_kernel_private.h"
#include "iommufd_uapi.h"

#define NODES 8
#define FD_BASE 1000 /* no real fd: mixing them up is seen at once */
#define TRACE_LEN 4096

/* Guards all of the fake's state. */
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake_node nodes[NODES];
static struct fake_ctx ctxs[FAKE_FILES];
struct fake_file fake_files[FAKE_FILES];
static unsigned int calls[FAKE_OPS];
static unsigned int bad_fds;
static unsigned int opens;
static struct {
	unsigned int countdown;
	int err;
	bool on; /* so do all that follow */
} faults[FAKE_OPS];
static char trace[TRACE_LEN];
static size_t trace_len;

uint64_t fake_page = 4096;
struct fake_machine fake;
struct fake_holds fake_usage;

/* In the order of enum fake_op; small letters are a device's. */
static const char trace_letters[] = "OrbadgIHRDMUYPcCusVNBKkp";

/* Before the constructor of the backend's hooks, which wants to know. */
__attribute__((constructor(101))) static void
page_size_read(void)
{
	const char *size = getenv("FAKE_PAGE");

	if (size != NULL)
		fake_page = strtoull(size, NULL, 10);
}

void
fake_reset(void)
{
	for (size_t i = 0; i < FAKE_FILES; i++) {
		fake_areas_free(&ctxs[i]);
		fake_ring_free(i);
	}
	memset(nodes, 0, sizeof(nodes));
	memset(ctxs, 0, sizeof(ctxs));
	memset(fake_files, 0, sizeof(fake_files));
	memset(calls, 0, sizeof(calls));
	memset(faults, 0, sizeof(faults));
	memset(&fake_usage, 0, sizeof(fake_usage));
	bad_fds = 0;
	trace_len = 0;
	trace[0] = '\0';
	fake = (struct fake_machine){
		.rawio = true,
		.admin = true,
		.memlock = UINT64_MAX,
		.pa_run = UINT64_MAX,
		.pa_length = UINT64_MAX,
	};
	fake.vma_page = FAKE_PAGE;
	fake_ioas_reset();
	fake_node_add(FAKE_IOMMU, 10, 124);
}

struct fake_node *
fake_node(const char *path)
{
	for (size_t i = 0; i < NODES; i++)
		if (strcmp(nodes[i].path, path) == 0)
			return &nodes[i];
	return NULL;
}

struct fake_node *
fake_node_add(const char *path, unsigned int major, unsigned int minor)
{
	struct fake_node *node = fake_node("");

	snprintf(node->path, sizeof(node->path), "%s", path);
	node->rdev = makedev(major, minor);
	return node;
}

void
fake_node_remove(const char *path)
{
	memset(fake_node(path), 0, sizeof(struct fake_node));
}

void
fake_fail(enum fake_op op, unsigned int nth, int err)
{
	faults[op].countdown = nth;
	faults[op].err = err;
	faults[op].on = false;
}

void
fake_fail_from(enum fake_op op, unsigned int nth, int err)
{
	fake_fail(op, nth, err);
	faults[op].on = true;
}

unsigned int
fake_calls(enum fake_op op)
{
	return calls[op];
}

const char *
fake_trace(void)
{
	return trace;
}

struct fake_holds
fake_holds(void)
{
	return fake_usage;
}

unsigned int
fake_bad_fds(void)
{
	return bad_fds;
}

int
fake_enter(enum fake_op op)
{
	if (trace_len + 1 < TRACE_LEN) {
		trace[trace_len++] = trace_letters[op];
		trace[trace_len] = '\0';
	}
	calls[op]++;
	if (faults[op].countdown == 0 || --faults[op].countdown != 0)
		return 0;
	faults[op].countdown = faults[op].on;
	return faults[op].err;
}

/* Not a device of a test: its calls are not counted. */
static const char maps[] = "/proc/self/maps";
#define MAPS_FD (FD_BASE + FAKE_FILES)

/* Files without a node in /dev. */
static struct fake_node pagemap = { .path = "/proc/self/pagemap" };
static struct fake_node uring = { .path = "io_uring" };

/* Whatever the root of the tree that /proc is in. */
static bool
is_pagemap(const char *path)
{
	const size_t len = strlen(path), of = strlen(pagemap.path);

	return len >= of && strcmp(path + len - of, pagemap.path) == 0;
}

static bool
is_iommu(const struct fake_node *node)
{
	return strcmp(node->path, FAKE_IOMMU) == 0;
}

static struct fake_file *
file_find(int fd)
{
	if (fd >= FD_BASE && fd < FD_BASE + FAKE_FILES && fake_files[fd - FD_BASE].used)
		return &fake_files[fd - FD_BASE];
	bad_fds++;
	return NULL;
}

/* The lowest free one, as the kernel takes it. */
static int
file_new(struct fake_node *node)
{
	int i = 0;

	while (i < FAKE_FILES && fake_files[i].used)
		i++;
	if (i == FAKE_FILES)
		return -1;
	fake_files[i] = (struct fake_file){
		.used = true,
		.node = node,
		.opened = ++opens,
		.cloexec = true,
	};
	if (is_iommu(node)) {
		fake_files[i].ctx = &ctxs[i];
		for (int j = 0; fake_files[i].ctx->refs != 0; j++)
			fake_files[i].ctx = &ctxs[j];
		fake_files[i].ctx->refs = 1;
	}
	fake_usage.files++;
	return FD_BASE + i;
}

static int
open_error(const struct fake_node *node, int flags)
{
	const int err = fake_enter(FAKE_OPEN);

	if (err != 0)
		return err;
	if (node == NULL)
		return ENOENT;
	if (node->open_error != 0)
		return node->open_error;
	if (flags != (O_RDWR | O_CLOEXEC))
		return EINVAL;
	return !is_iommu(node) && fake_is_noiommu(node) && !fake.rawio ? EPERM : 0;
}

static int
errno_return(int err, int ret)
{
	pthread_mutex_unlock(&fake_lock);
	if (err == 0)
		return ret;
	errno = err;
	return -1;
}

static int
kernel_open(const char *path, int flags)
{
	struct fake_node *node;
	int fd = -1;
	int err;

	pthread_mutex_lock(&fake_lock);
	if (strcmp(path, maps) == 0)
		return errno_return(fake_maps_open(), MAPS_FD);
	node = is_pagemap(path) ? &pagemap : fake_node(path);
	err = node == &pagemap ? node->open_error : open_error(node, flags);
	if (err == 0)
		fd = file_new(node);
	return errno_return(err != 0 || fd >= 0 ? err : EMFILE, fd);
}

static void
ctx_put(struct fake_ctx *ctx)
{
	if (--ctx->refs != 0)
		return;
	fake_areas_free(ctx);
	memset(ctx, 0, sizeof(*ctx));
}

/* Has the open file another fd? */
static bool
file_is_shared(const struct fake_file *file)
{
	unsigned int count = 0;

	for (size_t i = 0; i < FAKE_FILES; i++)
		count += fake_files[i].used && fake_files[i].opened == file->opened;
	return count > 1;
}

static int
kernel_close(int fd)
{
	struct fake_file *file;
	int err = EBADF;

	pthread_mutex_lock(&fake_lock);
	if (fd == MAPS_FD) {
		bad_fds += !fake_maps_close();
		return errno_return(0, 0);
	}
	file = file_find(fd);
	if (file != NULL) {
		err = fake_enter(is_iommu(file->node) ? FAKE_CLOSE_IOMMU : FAKE_CLOSE_CDEV);
		if (file->ctx != NULL && !file_is_shared(file)) {
			if (!is_iommu(file->node)) {
				file->node->bound = false;
				fake_detach(file);
				file->ctx->devices--;
			}
			ctx_put(file->ctx);
		}
		if (file->node == &uring)
			fake_ring_free(fd - FD_BASE);
		file->used = false;
		fake_usage.files--;
	}
	return errno_return(err, 0);
}

/* Another fd of the same file. */
static int
file_copy(int fd, bool cloexec)
{
	const struct fake_file *file = file_find(fd);
	int i = 0;

	if (file == NULL)
		return -1;
	while (i < FAKE_FILES && fake_files[i].used)
		i++;
	if (i == FAKE_FILES)
		return -1;
	fake_files[i] = *file;
	fake_files[i].cloexec = cloexec;
	fake_usage.files++;
	return FD_BASE + i;
}

static int
kernel_dup(int fd)
{
	int err, copy = -1;

	pthread_mutex_lock(&fake_lock);
	err = fake_enter(FAKE_DUP);
	if (err == 0)
		copy = file_copy(fd, true);
	return errno_return(err != 0 || copy >= 0 ? err : EMFILE, copy);
}

int
fake_send(int fd)
{
	int copy;

	pthread_mutex_lock(&fake_lock);
	copy = file_copy(fd, false);
	pthread_mutex_unlock(&fake_lock);
	return copy;
}

/* A wrong fd is the sender's mistake, not ours: it does not count as a bad one. */
static int
kernel_adopt(int fd)
{
	struct fake_file *file = NULL;
	int err = EBADF;

	pthread_mutex_lock(&fake_lock);
	if (fd >= FD_BASE && fd < FD_BASE + FAKE_FILES && fake_files[fd - FD_BASE].used)
		file = &fake_files[fd - FD_BASE];
	if (file != NULL) {
		err = file->cloexec ? EEXIST : fake_enter(FAKE_ADOPT);
		file->cloexec = true;
	}
	return errno_return(err, 0);
}

static int
kernel_rdev(int fd, dev_t *rdev)
{
	struct fake_file *file;
	int err = EBADF;

	pthread_mutex_lock(&fake_lock);
	file = file_find(fd);
	if (file != NULL) {
		err = fake_enter(FAKE_RDEV);
		*rdev = file->node->rdev;
	}
	return errno_return(err, 0);
}

/* vfio_main.c and group.c, in their order. */
static int
bind_error(const struct fake_file *file, const struct ifd_vfio_bind *cmd)
{
	const struct fake_node *node = file->node;
	const void *token = (const void *)(uintptr_t)cmd->token_uuid_ptr;
	const bool has_token = cmd->flags == IFD_BIND_TOKEN;

	if (cmd->argsz < sizeof(*cmd) || (cmd->flags & ~IFD_BIND_TOKEN) != 0 || cmd->iommufd < 0)
		return EINVAL;
	if (node->group_open)
		return EBUSY;
	if (node->bound)
		return EINVAL;
	if (node->token == NULL)
		return has_token ? EINVAL : 0;
	return has_token && memcmp(token, node->token, FAKE_TOKEN_LEN) == 0 ? 0 : EACCES;
}

static int
device_bind(struct fake_file *file, struct ifd_vfio_bind *cmd)
{
	struct fake_file *iommu;
	int err = fake_enter(FAKE_BIND);

	if (err == 0)
		err = bind_error(file, cmd);
	if (err != 0)
		return err;
	iommu = file_find(cmd->iommufd);
	if (iommu == NULL || !is_iommu(iommu->node))
		return iommu == NULL ? EBADF : EBADFD;
	file->ctx = iommu->ctx;
	file->ctx->refs++;
	file->ctx->devices++;
	file->node->bound = true;
	file->dev_id = fake_id_new(file->ctx);
	cmd->out_devid = file->dev_id;
	return 0;
}

static int
device_attach(struct fake_file *file, const struct ifd_vfio_attach *cmd)
{
	const int err = fake_enter(FAKE_ATTACH);

	if (err != 0)
		return err;
	if (cmd->argsz < 12 || cmd->flags != 0)
		return EINVAL;
	return fake_attach(file, cmd->pt_id);
}

static int
device_detach(struct fake_file *file, const struct ifd_vfio_detach *cmd)
{
	const int err = fake_enter(FAKE_DETACH);

	if (err != 0)
		return err;
	if (cmd->argsz < 8 || cmd->flags != 0)
		return EINVAL;
	fake_detach(file);
	return 0;
}

static int
device_info(struct vfio_device_info *info)
{
	const int err = fake_enter(FAKE_GET_INFO);

	if (err != 0)
		return err;
	if (info->argsz < 16)
		return EINVAL;
	info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info->num_regions = VFIO_PCI_NUM_REGIONS;
	info->num_irqs = VFIO_PCI_NUM_IRQS;
	return 0;
}

static int
device_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	if (request == IFD_VFIO_BIND)
		return device_bind(file, arg);
	if (file->ctx == NULL)
		return EINVAL;
	if (request == IFD_VFIO_ATTACH)
		return device_attach(file, arg);
	if (request == IFD_VFIO_DETACH)
		return device_detach(file, arg);
	return request == IFD_VFIO_GET_INFO ? device_info(arg) : ENOTTY;
}

static int
cdev_ioctl(struct fake_file *file, unsigned long request, void *arg)
{
	const int err = device_ioctl(file, request, arg);

	fake_copies_update(file);
	return err;
}

static int
kernel_ioctl(int fd, unsigned long request, void *arg)
{
	struct fake_file *file;
	int err = EBADF;

	if (request == IFD_VFIO_BIND)
		fake_take(&fake.bind_ms);
	if (request == IFD_IOAS_MAP)
		fake_take(&fake.map_ms);
	pthread_mutex_lock(&fake_lock);
	if (fd == MAPS_FD)
		return errno_return(fake_vma(arg), 0);
	file = file_find(fd);
	if (file != NULL)
		err = is_iommu(file->node) ? fake_ioas_ioctl(file->ctx, request, arg) :
					     cdev_ioctl(file, request, arg);
	return errno_return(err, 0);
}

static int
kernel_resident(const void *page)
{
	bool is;

	pthread_mutex_lock(&fake_lock);
	is = fake_is_resident(page);
	pthread_mutex_unlock(&fake_lock);
	return is ? 1 : -1;
}

static _Atomic uint64_t now;

/* As if nothing but ioctls took time. */
static uint64_t
kernel_now(void)
{
	return atomic_fetch_add(&now, FAKE_IOCTL_NS);
}

void
fake_time_passes(uint64_t ns)
{
	atomic_fetch_add(&now, ns);
}

static uint64_t
kernel_page_size(void)
{
	return fake_page;
}

static int
kernel_uring_setup(unsigned int entries, void *params)
{
	int err, fd = -1;

	(void)params;
	pthread_mutex_lock(&fake_lock);
	err = fake_enter(FAKE_RING_OPEN);
	if (err == 0 && entries == 0)
		err = EINVAL;
	if (err == 0)
		fd = file_new(&uring);
	return errno_return(err != 0 || fd >= 0 ? err : EMFILE, fd);
}

static int
kernel_uring_register(int ring, unsigned int opcode, void *arg, unsigned int size)
{
	struct fake_file *file;
	int err = EBADF;

	pthread_mutex_lock(&fake_lock);
	file = file_find(ring);
	if (file != NULL && file->node == &uring)
		err = fake_ring_register(ring - FD_BASE, opcode, arg, size);
	return err == -1 ? errno_return(0, 1) : errno_return(err, 0);
}

static ssize_t
kernel_pread(int fd, void *buffer, size_t size, off_t offset)
{
	struct fake_file *file;
	int err = EBADF;

	pthread_mutex_lock(&fake_lock);
	file = file_find(fd);
	if (file != NULL && file->node == &pagemap)
		err = fake_pagemap_read(buffer, size / 8, (uint64_t)offset / 8);
	return errno_return(err, (int)size);
}

const struct iommufd_sys fake_kernel_sys = {
	.open = kernel_open,
	.close = kernel_close,
	.ioctl = kernel_ioctl,
	.rdev = kernel_rdev,
	.file_id = fake_file_id,
	.dup = kernel_dup,
	.adopt = kernel_adopt,
	.resident = kernel_resident,
	.now = kernel_now,
	.page_size = kernel_page_size,
	.uring_setup = kernel_uring_setup,
	.uring_register = kernel_uring_register,
	.pread = kernel_pread,
};
