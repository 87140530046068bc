/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef RTE_VFIO_CDEV_H
#define RTE_VFIO_CDEV_H

/**
 * @file
 * VFIO character devices (cdevs), and domains: the memory that devices can access.
 *
 * Plain Linux: no DPDK, any program may use it.
 * @code{.unparsed}
 *	ctx ------------ paths of sysfs, /proc and /dev, log function
 *	 |  find()
 *	 v
 *	info ----------- one device's cdev: name, number, mode (a plain value)
 *	 |
 *	 |   domain ---- one iommufd with one IOAS: for devices of one mode
 *	 |     |   |
 *	 v     v   +---- mappings: VA -> IOVA, pinned, each page's address checked
 *	device --------- one open cdev, bound to the domain's iommufd, attached
 * @endcode
 *
 * A ctx outlives its domains, a domain its devices. The kernel pins memory and
 * reports addresses once the IOAS has a HWPT. The first device creates it, or a
 * device that is not kept (prime); it stays. Mappings made before are pending.
 *
 * In no-IOMMU mode a device is given physical addresses. The kernel reports them
 * (IOMMU_IOAS_NOIOMMU_GET_PA), and a mapping that it does not confirm is undone.
 * In translated mode the caller chooses the IOVA, among those that the devices'
 * IOMMUs translate. After the last device mappings are unpinned, and pending until
 * the next device.
 *
 * Functions return 0 or -errno. Before an error is returned, one line with device,
 * step, cause and remedy goes to the log function of the ctx.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rte_vfio_cdev_memory.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Longest device address (a PCI BDF or another bus's name) with its NUL. */
#define RTE_VFIO_CDEV_ADDR_LEN 64
/** Longest cdev name ("noiommu-vfio1048575") with its NUL. */
#define RTE_VFIO_CDEV_NAME_LEN 24
/** Longest name of a process (TASK_COMM_LEN) with its NUL. */
#define RTE_VFIO_CDEV_PROCESS_LEN 16

struct rte_vfio_cdev_ctx;
struct rte_vfio_cdev_domain;
struct rte_vfio_cdev_device;

/** Severity of a log line, in the order and with the values of syslog(3). */
enum rte_vfio_cdev_log_level {
	RTE_VFIO_CDEV_LOG_ERR = 3,
	RTE_VFIO_CDEV_LOG_WARNING = 4,
	RTE_VFIO_CDEV_LOG_INFO = 6,
	RTE_VFIO_CDEV_LOG_DEBUG = 7,
};

/**
 * Receives one line of printable ASCII, without a newline. It is called from any thread
 * that calls the library, perhaps with a domain's lock held: it must not call the library.
 */
typedef void (*rte_vfio_cdev_log_t)(void *arg, enum rte_vfio_cdev_log_level level,
				    const char *line);

/** How a device accesses memory. */
enum rte_vfio_cdev_mode {
	RTE_VFIO_CDEV_NOIOMMU,	  /**< noiommu-vfioN: directly */
	RTE_VFIO_CDEV_TRANSLATED, /**< vfioN: through an IOMMU */
	RTE_VFIO_CDEV_PIN_ONLY,	  /**< no cdev: io_uring pins (Linux >= 5.13), pagemap reports */
};

/** Number of modes. */
#define RTE_VFIO_CDEV_MODES 3

/** The step in which an error occurred. */
enum rte_vfio_cdev_step {
	RTE_VFIO_CDEV_STEP_FIND,    /**< look up the cdev in sysfs */
	RTE_VFIO_CDEV_STEP_OPEN,    /**< open the cdev */
	RTE_VFIO_CDEV_STEP_IOMMUFD, /**< open /dev/iommu */
	RTE_VFIO_CDEV_STEP_PROBE,   /**< check what the kernel supports */
	RTE_VFIO_CDEV_STEP_BIND,    /**< bind the cdev to the iommufd */
	RTE_VFIO_CDEV_STEP_ATTACH,  /**< attach the device to the IOAS */
	RTE_VFIO_CDEV_STEP_MAP,	    /**< map and pin memory */
	RTE_VFIO_CDEV_STEP_VERIFY,  /**< compare the physical address */
	RTE_VFIO_CDEV_STEP_UNMAP,   /**< unmap and unpin memory */
	RTE_VFIO_CDEV_STEP_IMPORT,  /**< take over a cdev that another process sent */
	RTE_VFIO_CDEV_STEP_URING,   /**< open io_uring, or pagemap */
};

/** A device's cdev as sysfs shows it. */
struct rte_vfio_cdev_info {
	char addr[RTE_VFIO_CDEV_ADDR_LEN]; /**< device, e.g. "0000:00:03.0" */
	char name[RTE_VFIO_CDEV_NAME_LEN]; /**< cdev, e.g. "noiommu-vfio0" */
	enum rte_vfio_cdev_mode mode;	   /**< from the name */
	int numa_node;			   /**< -1 if unknown */
	unsigned int major;		   /**< device number of the node */
	unsigned int minor;		   /**< also the N in the name */
};

/** A process that has a file open. */
struct rte_vfio_cdev_opener {
	int pid;			      /**< in the PID namespace of this process */
	char name[RTE_VFIO_CDEV_PROCESS_LEN]; /**< its own name, printable; or "?" */
};

/**
 * Create a context. Thread-safe.
 *
 * @param log
 *   Where messages go, or NULL for nowhere.
 * @param arg
 *   First argument of @p log.
 * @param[out] ctx
 *   The context; free it with rte_vfio_cdev_ctx_free().
 * @return
 *   0 or -ENOMEM.
 */
int
rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx);

/**
 * Create a context for file systems that are mounted elsewhere, as a container's are
 * when seen from the host. Thread-safe.
 *
 * @param sysfs
 *   Directory of sysfs, or NULL for "/sys". This path and the next two are copied.
 * @param proc
 *   Directory of proc, or NULL for "/proc": where openers are looked for.
 * @param dev
 *   Directory of the device nodes, or NULL for "/dev": "iommu" and "vfio/devices/" in it
 *   are opened.
 * @param log
 *   Where messages go, or NULL for nowhere.
 * @param arg
 *   First argument of @p log.
 * @param[out] ctx
 *   The context; free it with rte_vfio_cdev_ctx_free(). Unchanged on an error.
 * @return
 *   0; -ENAMETOOLONG if a path has PATH_MAX / 2 characters or more; -ENOMEM.
 */
int
rte_vfio_cdev_ctx_create_at(const char *sysfs, const char *proc, const char *dev,
			    rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx);

/**
 * Set the log level. It saves time: to log a mapping costs more than to record it.
 * Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param level
 *   The highest level that goes to the log function. RTE_VFIO_CDEV_LOG_DEBUG at first.
 */
void
rte_vfio_cdev_ctx_set_level(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level);

/**
 * Free a context whose domains were destroyed.
 *
 * @param ctx
 *   The context, or NULL.
 */
void
rte_vfio_cdev_ctx_free(struct rte_vfio_cdev_ctx *ctx);

/**
 * Make a text safe to print: names in sysfs and of processes may have any bytes. The
 * log lines of the library are clean already. Thread-safe.
 *
 * @param text
 *   A string: each byte that is not printable ASCII becomes a question mark.
 * @return
 *   The text.
 */
char *
rte_vfio_cdev_text_clean(char *text);

/**
 * Find the cdev of a device.
 *
 * An entry below `<sysfs_base>/<addr>/vfio-dev/` must have the whole name of a cdev,
 * and a `dev` attribute: kernels without CONFIG_VFIO_DEVICE_CDEV or
 * CONFIG_IOMMUFD_NOIOMMU show an entry without a cdev (drivers/vfio/vfio_main.c).
 * Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param sysfs_base
 *   The bus's devices, e.g. "/sys/bus/pci/devices".
 * @param addr
 *   The device's name in that directory.
 * @param[out] info
 *   Filled on success; on -EOPNOTSUPP without the device number.
 * @return
 *   0; -ENODEV no entry: the device is not bound to a VFIO driver, or the kernel is
 *   older than 6.6; -EOPNOTSUPP an entry without `dev`; -EINVAL @p addr is no
 *   address; -ENOTUNIQ several entries; -EBADMSG an unreadable `dev`; -ELOOP, -EACCES
 *   and others from open(2). The first two are logged as DEBUG only, since they are
 *   normal for a device without a cdev.
 */
int
rte_vfio_cdev_find(const struct rte_vfio_cdev_ctx *ctx, const char *sysfs_base, const char *addr,
		   struct rte_vfio_cdev_info *info);

/**
 * Read an attribute of a device from sysfs. Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param sysfs_base
 *   The bus's devices, e.g. "/sys/bus/pci/devices"; a relative path is below the
 *   context's sysfs.
 * @param addr
 *   The device's name in that directory.
 * @param attr
 *   The attribute, e.g. "class", or "iommu_group/name".
 * @param[out] text
 *   Its value, without the newline at its end.
 * @param size
 *   Size of @p text in bytes.
 * @return
 *   0; -ENOENT no such device or attribute; -EINVAL @p addr is no address; -EBADMSG an
 *   empty value, or one that @p text has no room for; others from open(2) and read(2).
 *   None is logged.
 */
int
rte_vfio_cdev_attr(const struct rte_vfio_cdev_ctx *ctx, const char *sysfs_base, const char *addr,
		   const char *attr, char *text, size_t size);

/**
 * Visit the devices of a bus that have a cdev, sorted by address.
 * Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param bus
 *   The bus's name in sysfs, e.g. "pci".
 * @param visit
 *   Called for each; anything but 0 ends the walk.
 * @param arg
 *   Second argument of @p visit.
 * @return
 *   The last value that @p visit returned; 0 without a device; -errno if the bus
 *   cannot be listed.
 */
int
rte_vfio_cdev_walk(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
		   int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg);

/**
 * Visit the devices of a bus that are used without a cdev and without an IOMMU: over UIO, or
 * over a VFIO group without an IOMMU. Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param bus
 *   Name of the bus in sysfs, e.g. "pci".
 * @param visit
 *   Called for each, with its address; anything but 0 ends the walk.
 * @param arg
 *   Second argument of @p visit.
 * @return
 *   0; what @p visit has returned; or -errno if the bus cannot be read.
 */
int
rte_vfio_cdev_walk_without(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
			   int (*visit)(const char *addr, void *arg), void *arg);

/**
 * Visit the devices of an IOMMU group that have a cdev, as rte_vfio_cdev_walk() does.
 * Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param group
 *   The group's number (/sys/kernel/iommu_groups).
 * @param visit
 *   Called for each; anything but 0 ends the walk.
 * @param arg
 *   Second argument of @p visit.
 * @return
 *   The last value that @p visit returned; 0 without a device or a group of this
 *   number; -errno if the group cannot be listed.
 */
int
rte_vfio_cdev_walk_group(const struct rte_vfio_cdev_ctx *ctx, unsigned int group,
			 int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg);

/**
 * Count the machine's cdevs of a mode (/sys/class/vfio-dev). Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param mode
 *   The mode of the cdevs to count.
 * @return
 *   The number; 0 also if the kernel has no such class, or it cannot be read, which is logged.
 */
unsigned int
rte_vfio_cdev_count(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode);

/**
 * List the processes that have a device's cdev open. While one of them has the file by
 * which it was bound, no other file can bind it (-EINVAL from BIND,
 * drivers/vfio/vfio_main.c). Reads all of /proc. Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param info
 *   From rte_vfio_cdev_find().
 * @param[out] openers
 *   The first processes, in the order of /proc. They include this process if it has
 *   the cdev open.
 * @param size
 *   Room in @p openers; may be 0.
 * @return
 *   The number of processes, perhaps more than @p size; -errno if /proc cannot be
 *   listed. It does not include processes that the caller may not inspect
 *   (CAP_SYS_PTRACE), or in another PID namespace.
 */
int
rte_vfio_cdev_openers(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		      struct rte_vfio_cdev_opener *openers, unsigned int size);

/**
 * List the processes that have the device's VFIO group open. While it is open, the cdev
 * cannot be bound (-EBUSY, drivers/vfio/group.c). Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param info
 *   From rte_vfio_cdev_find().
 * @param[out] openers
 *   As for rte_vfio_cdev_openers().
 * @param size
 *   Room in @p openers.
 * @return
 *   As from rte_vfio_cdev_openers(); -ENODEV the device has no group.
 */
int
rte_vfio_cdev_group_openers(const struct rte_vfio_cdev_ctx *ctx,
			    const struct rte_vfio_cdev_info *info,
			    struct rte_vfio_cdev_opener *openers, unsigned int size);

/**
 * Count the machine's VFIO devices that have no cdev. Thread-safe.
 *
 * @param ctx
 *   The context.
 * @return
 *   The number; 0 also if the kernel has no such class (/sys/class/vfio-dev).
 */
unsigned int
rte_vfio_cdev_count_without(const struct rte_vfio_cdev_ctx *ctx);

/**
 * Try to open what a device needs, /dev/iommu and its cdev, and close both: neither is
 * bound, and the device is not reset. Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param info
 *   From rte_vfio_cdev_find().
 * @return
 *   0; -ENOENT no such node; -EACCES, -EPERM not allowed, or not by the container's device
 *   list; -ENXIO the node is another device's; others from open(2). Logged as an error.
 */
int
rte_vfio_cdev_try_nodes(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info);

/**
 * Return advice for the user about an error. Thread-safe.
 *
 * @param step
 *   The step that failed.
 * @param err
 *   A positive errno.
 * @return
 *   A sentence, or "" if there is nothing to add to strerror(). Static memory.
 */
const char *
rte_vfio_cdev_advice(enum rte_vfio_cdev_step step, int err);

/**
 * Return the name of a mode. Thread-safe.
 *
 * @param mode
 *   The mode.
 * @return
 *   "no-IOMMU", "translated", or "unknown" for any other value. Static memory.
 */
const char *
rte_vfio_cdev_mode_name(enum rte_vfio_cdev_mode mode);

/**
 * Create a domain for devices of a mode. /dev/iommu is opened later: see
 * rte_vfio_cdev_domain_fd(). Thread-safe.
 *
 * @param ctx
 *   The context. It must outlive the domain.
 * @param mode
 *   The mode of the devices that will be opened in it.
 * @param[out] domain
 *   The domain; free it with rte_vfio_cdev_domain_destroy().
 * @return
 *   0; -ENOMEM; -EINVAL @p mode is no mode.
 */
int
rte_vfio_cdev_domain_create(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode,
			    struct rte_vfio_cdev_domain **domain);

/**
 * Unmap and unpin all memory and free the domain. No other thread may use it
 * meanwhile.
 *
 * @param domain
 *   The domain, or NULL.
 * @return
 *   0; -EBUSY a device is open in it, and nothing was done.
 */
int
rte_vfio_cdev_domain_destroy(struct rte_vfio_cdev_domain *domain);

/**
 * Return the domain's iommufd. The first call, or the first device that is opened or
 * primed, opens /dev/iommu and allocates an IOAS. Without an IOMMU it also checks that
 * the kernel can report physical addresses. Linux >= 7.3, or >= 6.6 for
 * RTE_VFIO_CDEV_TRANSLATED. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @return
 *   The fd, which the domain owns: do not close it. Or -ENOENT no /dev/iommu; -EACCES no
 *   permission to open it; -ENOMEM; for RTE_VFIO_CDEV_NOIOMMU -ENOTTY or -EOPNOTSUPP
 *   the kernel has no IOMMU_IOAS_NOIOMMU_GET_PA, -EPERM no CAP_SYS_RAWIO.
 */
int
rte_vfio_cdev_domain_fd(struct rte_vfio_cdev_domain *domain);

/**
 * Count the iommufds that the domains of this process have open. A child made by fork(2)
 * shares them. Takes no lock; may be called in a child or a signal handler.
 *
 * @return
 *   The number.
 */
unsigned int
rte_vfio_cdev_iommufds_open(void);

/**
 * Create the domain's HWPT (IOMMU_HWPT_ALLOC, drivers/iommu/iommufd/hw_pagetable.c) by a
 * device that is not kept. After that memory can be pinned and addresses queried before
 * any device is set up. The device is bound, which resets it, and closed again. Other
 * threads can use the domain meanwhile. Linux >= 7.3. Thread-safe.
 *
 * @param domain
 *   The domain. If it has a HWPT the device is not opened; only pending mappings are
 *   pinned.
 * @param info
 *   From rte_vfio_cdev_find(), of a device that is not in use.
 * @param token
 *   16-byte VF token, or NULL.
 * @return
 *   0; -EOPNOTSUPP the domain is for devices with an IOMMU; or an error of
 *   rte_vfio_cdev_device_open().
 */
int
rte_vfio_cdev_domain_prime(struct rte_vfio_cdev_domain *domain,
			   const struct rte_vfio_cdev_info *info, const void *token);

/**
 * Open a cdev, bind it to the domain's iommufd (drivers/vfio/device_cdev.c) and
 * attach it. The device is reset and its bus mastering is off afterwards. With the
 * first device pending mappings are pinned, and their addresses are compared with the
 * given ones. Other threads can use the domain meanwhile. Linux >= 7.3. Thread-safe.
 *
 * @param domain
 *   The domain. It must outlive the device.
 * @param info
 *   From rte_vfio_cdev_find(); the node must be that device.
 * @param token
 *   16-byte VF token, or NULL.
 * @param[out] device
 *   The device; close it with rte_vfio_cdev_device_close().
 * @return
 *   0; -EXDEV the domain is for devices of the other mode; -EPERM no CAP_SYS_RAWIO, or
 *   with an IOMMU interrupts that the platform does not isolate, or another driver or
 *   program has a device of its group; -EBUSY the device's VFIO group is open; -EINVAL
 *   another file has bound the device; -EADDRINUSE memory is mapped at IOVAs that the
 *   device's IOMMU reserves or cannot translate (drivers/iommu/iommufd/device.c); -EACCES
 *   the token is wrong or missing, or the node's permissions; -ENOENT no node; -ENXIO the
 *   node is another device; -ENODEV the device is being removed; or an error of
 *   rte_vfio_cdev_domain_fd(), or of rte_vfio_cdev_domain_map() for a pending mapping. On
 *   error pending mappings stay pending.
 */
int
rte_vfio_cdev_device_open(struct rte_vfio_cdev_domain *domain,
			  const struct rte_vfio_cdev_info *info, const void *token,
			  struct rte_vfio_cdev_device **device);

/**
 * Duplicate the fd of an open cdev, to send it to a process that shares the device
 * (SCM_RIGHTS). The device stays bound until all copies are closed in all processes.
 * Thread-safe.
 *
 * @param device
 *   The device. It may be closed before the copy.
 * @param[out] copy
 *   A device without a domain; close it with rte_vfio_cdev_device_close().
 * @return
 *   0; -ENOMEM; -EMFILE.
 */
int
rte_vfio_cdev_device_dup(const struct rte_vfio_cdev_device *device,
			 struct rte_vfio_cdev_device **copy);

/**
 * Take over an fd from another process, which has opened the cdev, bound it, and maps
 * memory for it. The fd must be that of the device, and not close-on-exec: an fd in a
 * message never is, unless MSG_CMSG_CLOEXEC was given. It becomes close-on-exec.
 * Thread-safe.
 *
 * @param ctx
 *   The context. It must outlive the device.
 * @param info
 *   From rte_vfio_cdev_find() in this process.
 * @param fd
 *   The fd from the message. The library owns it now, and closes it on error; except
 *   an fd that did not come from a message (-EBADF, -EEXIST).
 * @param[out] device
 *   A device without a domain; close it with rte_vfio_cdev_device_close().
 * @return
 *   0; -ENXIO it is another device; -ENOTTY it is no device; -EBADF it is not open;
 *   -EEXIST this process had the fd before; -ENOMEM.
 */
int
rte_vfio_cdev_device_import(const struct rte_vfio_cdev_ctx *ctx,
			    const struct rte_vfio_cdev_info *info, int fd,
			    struct rte_vfio_cdev_device **device);

/**
 * Close a device. With the last reference to its file the kernel turns bus mastering off
 * and resets it. No other thread may use it meanwhile.
 *
 * @param device
 *   The device, or NULL.
 */
void
rte_vfio_cdev_device_close(struct rte_vfio_cdev_device *device);

/**
 * Return the open cdev, for device ioctls and mmap. Thread-safe.
 *
 * @param device
 *   The device.
 * @return
 *   The fd, which the device owns: do not close it.
 */
int
rte_vfio_cdev_device_fd(const struct rte_vfio_cdev_device *device);

/**
 * Return the info by which the device was opened. Thread-safe.
 *
 * @param device
 *   The device.
 * @return
 *   A copy of the info, valid as long as the device.
 */
const struct rte_vfio_cdev_info *
rte_vfio_cdev_device_info(const struct rte_vfio_cdev_device *device);

/**
 * Call VFIO_DEVICE_GET_INFO. Thread-safe.
 *
 * @param device
 *   The device.
 * @param info
 *   The caller's struct vfio_device_info with argsz set.
 * @return
 *   0 or -errno.
 */
int
rte_vfio_cdev_device_get_info(const struct rte_vfio_cdev_device *device, void *info);

#ifdef __cplusplus
}
#endif

#endif /* RTE_VFIO_CDEV_H */
