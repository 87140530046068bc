/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One small function per ioctl on /dev/iommu, on a VFIO character device and on
 * /proc/self/maps. Nothing else in this project calls ioctl().
 *
 *	/dev/iommu fd -- IOAS --(areas: user memory, pinned)
 *	      ^            ^
 *	      |            | HWPT (what a device is attached to)
 *	cdev fd: BIND ---- ATTACH
 *
 * All functions return 0 or -errno; objects come out through the last parameter.
 * They take no lock, keep no state and may be called from any thread; an fd belongs
 * to the caller. Kernel sources named below are those of Linux 7.3.
 */

#ifndef IOMMUFD_H
#define IOMMUFD_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** First and last IOVA of a range (iommufd_uapi.h). */
struct ifd_iova_range;

/**
 * The system calls of this library. Unit tests put their own kernel here. Each call
 * returns what its namesake does, with errno set, except:
 * rdev() stores the device number of a character device;
 * dup() makes a close-on-exec copy;
 * adopt() makes an fd that came in a message close-on-exec; EEXIST: the fd is so already,
 * so it came in no message;
 * resident() is mincore(2) of one page: 1 (also if the page is swapped out, or may be); 0; or
 * -1 if nothing is mapped there;
 * now() returns nanoseconds of a monotonic clock;
 * page_size() returns the size of base pages: 4, 16 or 64 KiB, as the kernel was built.
 * uring_setup() and uring_register() are io_uring_setup(2) and io_uring_register(2) (lib/uring).
 */
struct iommufd_sys {
	int (*open)(const char *path, int flags);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	int (*rdev)(int fd, dev_t *rdev);
	uint64_t (*file_id)(int fd); /* tells an open file from others; 0: there is none */
	int (*dup)(int fd);
	int (*adopt)(int fd);
	int (*resident)(const void *page);
	uint64_t (*now)(void);
	uint64_t (*page_size)(void);
	int (*uring_setup)(unsigned int entries, void *params);
	int (*uring_register)(int ring, unsigned int opcode, void *arg, unsigned int size);
	ssize_t (*pread)(int fd, void *buffer, size_t size, off_t offset);
};

/** Ioctls, registrations in io_uring, and their time. Repeated calls (EINTR) count once. */
struct iommufd_spent {
	uint64_t calls;
	uint64_t ns;
};

/** Ioctls of the calling thread since it started. */
struct iommufd_spent
iommufd_spent(void);

/** Count a call that is no ioctl, but as good as one, and its time in nanoseconds. */
void
iommufd_spend(uint64_t ns);

/** Is memory or the number of files short, so that what cannot be read now may be there? */
static inline bool
iommufd_is_shortage(int err)
{
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE || err == -EAGAIN;
}

/** The running kernel. */
extern const struct iommufd_sys iommufd_sys_linux;

/**
 * Open a device node read-write and close-on-exec.
 *
 * @param node
 *   Path of /dev/iommu (no capability checked) or of a VFIO cdev, for which
 *   the kernel requires CAP_SYS_RAWIO in the initial user namespace if its device
 *   has no IOMMU (drivers/vfio/device_cdev.c, vfio_device_fops_cdev_open).
 * @param fd
 *   The open file; the caller closes it with sys->close.
 * @return
 *   0; -EPERM without the capability; -ENODEV while the device is being removed; or
 *   another error of open(2).
 */
int
iommufd_node_open(const struct iommufd_sys *sys, const char *node, int *fd);

/**
 * Create an I/O address space (IOMMU_IOAS_ALLOC, drivers/iommu/iommufd/ioas.c).
 */
int
iommufd_ioas_alloc(const struct iommufd_sys *sys, int iommufd, uint32_t *ioas_id);

/**
 * Read the IOVAs that can be mapped (IOMMU_IOAS_IOVA_RANGES, ioas.c): those that the
 * IOMMUs of all attached devices translate and do not reserve.
 *
 * @param ranges
 *   Filled, in rising order.
 * @param count
 *   In: the size of @p ranges. Out: the number of ranges.
 * @return
 *   0; -EMSGSIZE @p ranges is too small; -ENOENT no such IOAS.
 */
int
iommufd_ioas_iova_ranges(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			 struct ifd_iova_range *ranges, uint32_t *count);

/** Free an object (IOMMU_DESTROY, main.c); -EBUSY if it is in use. */
int
iommufd_destroy(const struct iommufd_sys *sys, int iommufd, uint32_t id);

/**
 * Create a HWPT on an IOAS for a bound device (IOMMU_HWPT_ALLOC, hw_pagetable.c).
 *
 * Pins then last until the HWPT is destroyed, not until the last device detaches.
 */
int
iommufd_hwpt_alloc(const struct iommufd_sys *sys, int iommufd, uint32_t dev_id, uint32_t ioas_id,
		   uint32_t *hwpt_id);

/** Let the kernel choose the IOVA. */
#define IOMMUFD_IOVA_ANY UINT64_MAX

/**
 * Map user memory for reading and writing and pin it (IOMMU_IOAS_MAP, ioas.c and
 * io_pagetable.c).
 *
 * @param va, len
 *   Start in this process and bytes; multiples of the page size.
 * @param iova
 *   Start as the device sees it, a multiple of the page size; or IOMMUFD_IOVA_ANY:
 *   the kernel chooses one, aligned as the memory is, and stores it here.
 * @return
 *   0; -EEXIST the IOVA range overlaps another; -EINVAL length 0 or alignment;
 *   -EFAULT memory that is absent, read-only or not memory (a BAR); -ENOMEM
 *   out of memory or of RLIMIT_MEMLOCK; -ENOENT no such IOAS.
 */
int
iommufd_ioas_map(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, const void *va,
		 uint64_t len, uint64_t *iova);

/**
 * Map the memory of a mapped IOVA range at another range of the same IOAS
 * (IOMMU_IOAS_COPY, ioas.c). Pages are pinned and charged once, until the last range
 * that has them is unmapped (pages.c).
 *
 * @param from, len
 *   The source: it may be part of an area or span adjacent ones; multiples of the
 *   page size.
 * @param to
 *   The other start, or IOMMUFD_IOVA_ANY, as for iommufd_ioas_map().
 * @return
 *   0; -EEXIST there is another area at @p to; -ENOENT a part of the source is not
 *   mapped; -EINVAL length 0 or alignment; -ENOMEM.
 */
int
iommufd_ioas_copy(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, uint64_t from,
		  uint64_t len, uint64_t *to);

/**
 * Undo iommufd_ioas_map() or iommufd_ioas_copy() and release the pins (IOMMU_IOAS_UNMAP).
 *
 * @return
 *   0; -ENOENT if the range is not exactly one or several whole areas: lower areas may
 *   be unmapped already then (io_pagetable.c).
 */
int
iommufd_ioas_unmap(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, uint64_t iova,
		   uint64_t len);

/**
 * Query the physical address of the memory at an IOVA (IOMMU_IOAS_NOIOMMU_GET_PA,
 * Linux 7.3, hwpt_noiommu.c).
 *
 * @param len
 *   In: bytes to check, not 0. Out: bytes that are contiguous. The kernel walks 4 KiB
 *   at a time, so the time grows with @p len.
 * @return
 *   0; -EPERM without CAP_SYS_RAWIO, which is checked at every call; -ENOENT
 *   nothing mapped there; -EOPNOTSUPP the IOAS has no no-IOMMU HWPT or the
 *   kernel was built without IOMMUFD_NOIOMMU; -ENOTTY before Linux 7.3.
 */
int
iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id, uint64_t iova,
		       uint64_t *len, uint64_t *phys);

/**
 * Bind a VFIO cdev to an iommufd (VFIO_DEVICE_BIND_IOMMUFD,
 * drivers/vfio/device_cdev.c). Bus mastering is off and the device reset
 * afterwards.
 *
 * @param token
 *   16-byte VF token, or NULL.
 * @return
 *   0; -EBUSY its group is open; -EINVAL it is bound already, by this or another
 *   file, or the token is for a device without SR-IOV; -EACCES the token is missing
 *   or wrong; -EBADF, -EBADFD not an iommufd.
 */
int
iommufd_device_bind(const struct iommufd_sys *sys, int cdev, int iommufd, const void *token,
		    uint32_t *dev_id);

/**
 * Attach a bound device to a HWPT, or to an IOAS: the kernel finds or creates a HWPT then,
 * and destroys it with the last device (VFIO_DEVICE_ATTACH_IOMMUFD_PT, device.c).
 * -EADDRINUSE: memory is mapped at IOVAs that the device's IOMMU reserves or cannot
 * translate.
 */
int
iommufd_device_attach(const struct iommufd_sys *sys, int cdev, uint32_t pt_id);

/** Detach a device; 0 also if it is not attached. */
int
iommufd_device_detach(const struct iommufd_sys *sys, int cdev);

/**
 * Read the properties of a bound device (VFIO_DEVICE_GET_INFO).
 *
 * @param info
 *   The caller's struct vfio_device_info with argsz set.
 */
int
iommufd_device_get_info(const struct iommufd_sys *sys, int cdev, void *info);

/** Memory of this process that is mapped in one piece. */
struct iommufd_vma {
	uint64_t start, end;
	uint64_t page_size; /**< that of hugetlb pages, else of base pages */
	bool shared_file;   /**< a shared mapping of a file: */
	dev_t dev;
	uint64_t inode;
	uint64_t offset; /**< of the start in the file */
};

/** Which memory iommufd_vma_find() looks for. */
enum iommufd_vma_search {
	IOMMUFD_VMA_AT,		      /**< what is mapped at a VA */
	IOMMUFD_VMA_NEXT_SHARED_FILE, /**< the next shared mapping of a file from a VA on */
};

/**
 * Open the list of this process's memory, /proc/self/maps. In a child made by fork(2) it still
 * shows the parent's.
 */
int
iommufd_maps_open(const struct iommufd_sys *sys, int *maps);

/**
 * Find memory of this process (PROCMAP_QUERY, fs/proc/task_mmu.c, Linux >= 6.11). The kernel
 * allocates nothing for it, since no name is wanted.
 *
 * @return
 *   0; -ENOENT none; -ENOTTY older kernel.
 */
int
iommufd_vma_find(const struct iommufd_sys *sys, int maps, uint64_t va,
		 enum iommufd_vma_search search, struct iommufd_vma *vma);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUFD_H */
