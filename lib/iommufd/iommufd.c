/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "iommufd.h"
#include "iommufd_uapi.h"

static int
linux_open(const char *path, int flags)
{
	return open(path, flags);
}

static int
linux_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static int
linux_rdev(int fd, dev_t *rdev)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (!S_ISCHR(st.st_mode)) {
		errno = ENOTTY;
		return -1;
	}
	*rdev = st.st_rdev;
	return 0;
}

static uint64_t
linux_file_id(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? ((uint64_t)st.st_dev << 32) + st.st_ino : 0;
}

static int
linux_dup(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int
linux_adopt(int fd)
{
	const int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -1;
	if ((flags & FD_CLOEXEC) != 0) {
		errno = EEXIST;
		return -1;
	}
	return fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

static uint64_t
linux_page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Documentation/admin-guide/mm/pagemap.rst; needs no privilege. */
#define PAGEMAP "/proc/self/pagemap"
#define PAGEMAP_SWAPPED (UINT64_C(1) << 62)

/*
 * Whether a page is swapped out. Page tables do not show it for shared memory. It may be, if
 * that cannot be read now.
 */
static bool
is_swapped(const void *page)
{
	const off_t index = (uintptr_t)page / linux_page_size();
	const int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	uint64_t entry;
	bool is;

	if (fd < 0)
		return iommufd_is_shortage(-errno);
	is = pread(fd, &entry, sizeof(entry), index * (off_t)sizeof(entry)) != sizeof(entry) ||
		(entry & PAGEMAP_SWAPPED) != 0;
	close(fd);
	return is;
}

/* mincore(2) fails with ENOMEM where nothing is mapped, and with EAGAIN if memory is short. */
static int
linux_resident(const void *page)
{
	unsigned char resident;

	if (mincore((void *)(uintptr_t)page, 1, &resident) < 0)
		return errno == ENOMEM ? -1 : 1;
	return (resident & 1) != 0 || is_swapped(page);
}

/* In the vDSO: about 20 ns, while an ioctl takes microseconds. */
static uint64_t
linux_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* The C library has no functions for them. */
static int
linux_uring_setup(unsigned int entries, void *params)
{
	return (int)syscall(SYS_io_uring_setup, entries, params);
}

static int
linux_uring_register(int ring, unsigned int opcode, void *arg, unsigned int size)
{
	return (int)syscall(SYS_io_uring_register, ring, opcode, arg, size);
}

const struct iommufd_sys iommufd_sys_linux = {
	.open = linux_open,
	.close = close,
	.ioctl = linux_ioctl,
	.rdev = linux_rdev,
	.file_id = linux_file_id,
	.dup = linux_dup,
	.adopt = linux_adopt,
	.resident = linux_resident,
	.now = linux_now,
	.page_size = linux_page_size,
	.uring_setup = linux_uring_setup,
	.uring_register = linux_uring_register,
	.pread = pread,
};

/* Per thread, so that counting needs no lock. */
static __thread struct iommufd_spent spent;

struct iommufd_spent
iommufd_spent(void)
{
	return spent;
}

void
iommufd_spend(uint64_t ns)
{
	spent.calls++;
	spent.ns += ns;
}

/* A signal may interrupt the wait for a lock inside; nothing was done then. */
static int
sys_ioctl(const struct iommufd_sys *sys, int fd, unsigned long request, void *arg)
{
	const uint64_t start = sys->now();
	int ret;

	do {
		ret = sys->ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	ret = ret < 0 ? -errno : 0;

	iommufd_spend(sys->now() - start);
	return ret;
}

int
iommufd_node_open(const struct iommufd_sys *sys, const char *node, int *fd)
{
	int ret = sys->open(node, O_RDWR | O_CLOEXEC);

	if (ret < 0)
		return -errno;
	*fd = ret;
	return 0;
}

int
iommufd_ioas_alloc(const struct iommufd_sys *sys, int iommufd, uint32_t *ioas_id)
{
	struct ifd_ioas_alloc cmd = { .size = sizeof(cmd) };
	int ret = sys_ioctl(sys, iommufd, IFD_IOAS_ALLOC, &cmd);

	if (ret == 0)
		*ioas_id = cmd.out_ioas_id;
	return ret;
}

int
iommufd_ioas_iova_ranges(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			 struct ifd_iova_range *ranges, uint32_t *count)
{
	struct ifd_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.num_iovas = *count,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret = sys_ioctl(sys, iommufd, IFD_IOVA_RANGES, &cmd);

	if (ret == 0 || ret == -EMSGSIZE)
		*count = cmd.num_iovas;
	return ret;
}

int
iommufd_destroy(const struct iommufd_sys *sys, int iommufd, uint32_t id)
{
	struct ifd_destroy cmd = { .size = sizeof(cmd), .id = id };

	return sys_ioctl(sys, iommufd, IFD_DESTROY, &cmd);
}

int
iommufd_hwpt_alloc(const struct iommufd_sys *sys, int iommufd, uint32_t dev_id, uint32_t ioas_id,
		   uint32_t *hwpt_id)
{
	struct ifd_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.pt_id = ioas_id,
	};
	int ret = sys_ioctl(sys, iommufd, IFD_HWPT_ALLOC, &cmd);

	if (ret == 0)
		*hwpt_id = cmd.out_hwpt_id;
	return ret;
}

/* At an IOVA of the caller, or one that the kernel chooses. */
static uint32_t
map_flags(uint64_t iova)
{
	return (iova != IOMMUFD_IOVA_ANY ? IFD_MAP_FIXED_IOVA : 0) | IFD_MAP_READABLE |
		IFD_MAP_WRITEABLE;
}

int
iommufd_ioas_map(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, const void *va,
		 uint64_t len, uint64_t *iova)
{
	struct ifd_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = map_flags(*iova),
		.ioas_id = ioas_id,
		.user_va = (uintptr_t)va,
		.length = len,
		.iova = *iova != IOMMUFD_IOVA_ANY ? *iova : 0,
	};
	int ret = sys_ioctl(sys, iommufd, IFD_IOAS_MAP, &cmd);

	if (ret == 0)
		*iova = cmd.iova;
	return ret;
}

int
iommufd_ioas_copy(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, uint64_t from,
		  uint64_t len, uint64_t *to)
{
	struct ifd_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = map_flags(*to),
		.dst_ioas_id = ioas_id,
		.src_ioas_id = ioas_id,
		.length = len,
		.dst_iova = *to != IOMMUFD_IOVA_ANY ? *to : 0,
		.src_iova = from,
	};
	int ret = sys_ioctl(sys, iommufd, IFD_IOAS_COPY, &cmd);

	if (ret == 0)
		*to = cmd.dst_iova;
	return ret;
}

int
iommufd_ioas_unmap(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, uint64_t iova,
		   uint64_t len)
{
	struct ifd_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = len,
	};

	return sys_ioctl(sys, iommufd, IFD_IOAS_UNMAP, &cmd);
}

int
iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, uint64_t iova,
		       uint64_t *len, uint64_t *phys)
{
	struct ifd_noiommu_get_pa cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = *len,
	};
	int ret = sys_ioctl(sys, iommufd, IFD_NOIOMMU_GET_PA, &cmd);

	if (ret == 0) {
		*len = cmd.length;
		*phys = cmd.out_phys;
	}
	return ret;
}

int
iommufd_device_bind(const struct iommufd_sys *sys, int cdev, int iommufd, const void *token,
		    uint32_t *dev_id)
{
	struct ifd_vfio_bind cmd = {
		.argsz = sizeof(cmd),
		.flags = token != NULL ? IFD_BIND_TOKEN : 0,
		.iommufd = iommufd,
		.token_uuid_ptr = (uintptr_t)token,
	};
	int ret = sys_ioctl(sys, cdev, IFD_VFIO_BIND, &cmd);

	if (ret == 0)
		*dev_id = cmd.out_devid;
	return ret;
}

int
iommufd_device_attach(const struct iommufd_sys *sys, int cdev, uint32_t pt_id)
{
	struct ifd_vfio_attach cmd = { .argsz = sizeof(cmd), .pt_id = pt_id };

	return sys_ioctl(sys, cdev, IFD_VFIO_ATTACH, &cmd);
}

int
iommufd_device_detach(const struct iommufd_sys *sys, int cdev)
{
	struct ifd_vfio_detach cmd = { .argsz = sizeof(cmd) };

	return sys_ioctl(sys, cdev, IFD_VFIO_DETACH, &cmd);
}

int
iommufd_device_get_info(const struct iommufd_sys *sys, int cdev, void *info)
{
	return sys_ioctl(sys, cdev, IFD_VFIO_GET_INFO, info);
}

int
iommufd_maps_open(const struct iommufd_sys *sys, int *maps)
{
	*maps = sys->open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	return *maps < 0 ? -errno : 0;
}

int
iommufd_vma_find(const struct iommufd_sys *sys, int maps, uint64_t va,
		 enum iommufd_vma_search search, struct iommufd_vma *vma)
{
	struct ifd_procmap_query query = { .size = sizeof(query), .query_addr = va };
	int ret;

	if (search == IOMMUFD_VMA_NEXT_SHARED_FILE)
		query.query_flags = IFD_VMA_COVERING_OR_NEXT | IFD_VMA_FILE_BACKED | IFD_VMA_SHARED;
	ret = sys_ioctl(sys, maps, IFD_PROCMAP_QUERY, &query);
	if (ret < 0)
		return ret;
	*vma = (struct iommufd_vma){
		.start = query.vma_start,
		.end = query.vma_end,
		.page_size = query.vma_page_size,
		.shared_file = (query.vma_flags & IFD_VMA_SHARED) != 0 && query.inode != 0,
		.dev = makedev(query.dev_major, query.dev_minor),
		.inode = query.inode,
		.offset = query.vma_offset,
	};
	return 0;
}
