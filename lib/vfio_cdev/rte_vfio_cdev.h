/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef RTE_VFIO_CDEV_H
#define RTE_VFIO_CDEV_H

/**
 * @file
 * VFIO character devices, and the domains that say what memory they may reach.
 *
 * Plain Linux: no DPDK, any program may use it.
 *
 *	ctx ------------ where sysfs and /dev are, and who gets the messages
 *	 |  find()
 *	 v
 *	info ----------- one device's cdev: name, number, mode (a plain value)
 *	 |
 *	 |   domain ---- one iommufd with one IOAS: what devices of one mode see
 *	 |     |   |
 *	 v     v   +---- mappings: VA -> IOVA, pinned, each page's address checked
 *	device --------- one open cdev, bound to the domain's iommufd, attached
 *
 * A ctx outlives its domains, a domain its devices. The kernel pins memory and
 * tells addresses once the IOAS has a HWPT. That comes with the first device, or
 * through one that is not kept (prime), and stays; what is mapped before waits.
 *
 * In no-IOMMU mode a device is given physical addresses; the kernel tells which
 * they are (IOMMU_IOAS_NOIOMMU_GET_PA), and a mapping it does not confirm is not
 * made. In translated mode the IOVA is the caller's choice, within what
 * the devices' IOMMUs translate; after the last device the memory waits for the
 * next one, unpinned.
 *
 * Functions return 0 or -errno. Before an error is returned one line that says
 * device, step, cause and remedy goes to the log function of the ctx.
 */

#include <limits.h>
#include <stdbool.h>
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
 * Receives one line of text, without a newline. May be called from any thread
 * that calls into the library, with a domain's lock held: it must not call
 * back.
 */
typedef void (*rte_vfio_cdev_log_t)(void *arg, enum rte_vfio_cdev_log_level level,
				    const char *line);

/** What stands between a device and memory. */
enum rte_vfio_cdev_mode {
	RTE_VFIO_CDEV_NOIOMMU,		/**< noiommu-vfioN: nothing */
	RTE_VFIO_CDEV_TRANSLATED,	/**< vfioN: an IOMMU */
};

/** How many modes there are. */
#define RTE_VFIO_CDEV_MODES 2

/** What was being done when an error came up. */
enum rte_vfio_cdev_step {
	RTE_VFIO_CDEV_STEP_FIND,	/**< look up the cdev in sysfs */
	RTE_VFIO_CDEV_STEP_OPEN,	/**< open the cdev */
	RTE_VFIO_CDEV_STEP_IOMMUFD,	/**< open /dev/iommu */
	RTE_VFIO_CDEV_STEP_PROBE,	/**< ask for what the kernel can do */
	RTE_VFIO_CDEV_STEP_BIND,	/**< bind the cdev to the iommufd */
	RTE_VFIO_CDEV_STEP_ATTACH,	/**< attach the device to the IOAS */
	RTE_VFIO_CDEV_STEP_MAP,		/**< map and pin memory */
	RTE_VFIO_CDEV_STEP_VERIFY,	/**< compare the physical address */
	RTE_VFIO_CDEV_STEP_UNMAP,	/**< unmap and unpin memory */
	RTE_VFIO_CDEV_STEP_IMPORT,	/**< take over a cdev that another process sent */
};

/** A device's cdev as sysfs shows it. */
struct rte_vfio_cdev_info {
	char addr[RTE_VFIO_CDEV_ADDR_LEN];	/**< device, e.g. "0000:00:03.0" */
	char name[RTE_VFIO_CDEV_NAME_LEN];	/**< cdev, e.g. "noiommu-vfio0" */
	enum rte_vfio_cdev_mode mode;		/**< told by the name */
	int numa_node;				/**< -1 if sysfs does not say */
	unsigned int major;			/**< device number of the node */
	unsigned int minor;			/**< also the N of the name */
};

/** A process that has a file open. */
struct rte_vfio_cdev_opener {
	int pid;				/**< as this process sees it */
	char name[RTE_VFIO_CDEV_PROCESS_LEN];	/**< what it calls itself, printable; or "?" */
};

/**
 * Create a context.
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
 * Leave out what nobody reads: a line for each mapping costs more than its record.
 * Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param level
 *   The last level that goes to its log function (RTE_VFIO_CDEV_LOG_DEBUG, if never
 *   called).
 */
void
rte_vfio_cdev_ctx_set_level(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level);

/**
 * Free a context whose domains are gone.
 *
 * @param ctx
 *   The context, or NULL.
 */
void
rte_vfio_cdev_ctx_free(struct rte_vfio_cdev_ctx *ctx);

/**
 * Find the cdev of a device.
 *
 * The whole entry name below `<sysfs_base>/<addr>/vfio-dev/` decides, and its
 * `dev` attribute must be there: kernels without CONFIG_VFIO_DEVICE_CDEV or
 * CONFIG_IOMMUFD_NOIOMMU show an entry that no cdev belongs to
 * (drivers/vfio/vfio_main.c). Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param sysfs_base
 *   The bus's devices, e.g. "/sys/bus/pci/devices".
 * @param addr
 *   The device's name in there.
 * @param[out] info
 *   Filled on success; on -EOPNOTSUPP with all but the device number.
 * @return
 *   0; -ENODEV no entry: not bound to a VFIO driver, or a kernel before 6.6;
 *   -EOPNOTSUPP an entry without `dev`; -EINVAL an address that is not one;
 *   -ENOTUNIQ several entries; -EBADMSG an unreadable `dev`; -ELOOP, -EACCES
 *   and others from open(2). The first two are logged as DEBUG only: they are
 *   how a device without a cdev looks.
 */
int
rte_vfio_cdev_find(const struct rte_vfio_cdev_ctx *ctx, const char *sysfs_base, const char *addr,
		   struct rte_vfio_cdev_info *info);

/**
 * Visit the devices of a bus that have a cdev, in the order of their addresses.
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
 *   What @p visit returned last; 0 if there was no device; -errno if the bus
 *   cannot be listed.
 */
int
rte_vfio_cdev_walk(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
		   int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg);

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
 *   What @p visit returned last; 0 if there was no device, or there is no such
 *   group; -errno if it cannot be listed.
 */
int
rte_vfio_cdev_walk_group(const struct rte_vfio_cdev_ctx *ctx, unsigned int group,
			 int (*visit)(const struct rte_vfio_cdev_info *info, void *arg),
			 void *arg);

/**
 * Count the machine's cdevs of a mode (/sys/class/vfio-dev). Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param mode
 *   Which ones to count.
 * @return
 *   The number, 0 also where there is no such class.
 */
unsigned int
rte_vfio_cdev_count(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode);

/**
 * Tell which processes have a device's cdev open. As long as one of them has the
 * file of whoever bound it, nobody else can (-EINVAL from BIND,
 * drivers/vfio/vfio_main.c). Looks at all of /proc. Thread-safe.
 *
 * @param ctx
 *   The context.
 * @param info
 *   From rte_vfio_cdev_find().
 * @param[out] openers
 *   The first ones, in the order of /proc. This process is one of them if it has
 *   the cdev open.
 * @param size
 *   Room in @p openers; may be 0.
 * @return
 *   How many there are, perhaps more than @p size; -errno if /proc cannot be
 *   listed. Processes that the caller may not look into (CAP_SYS_PTRACE), or
 *   that are in another PID namespace, are not seen.
 */
int
rte_vfio_cdev_openers(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		      struct rte_vfio_cdev_opener *openers, unsigned int size);

/**
 * The same for the VFIO group of the device, which keeps the cdev from being
 * bound while it is open (-EBUSY, drivers/vfio/group.c). Thread-safe.
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
 *   As for rte_vfio_cdev_openers(); -ENODEV the device has no group.
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
 *   The number, 0 also where there is no such class (/sys/class/vfio-dev).
 */
unsigned int
rte_vfio_cdev_count_without(const struct rte_vfio_cdev_ctx *ctx);

/**
 * What a user can do about an error. Thread-safe.
 *
 * @param step
 *   What was being done.
 * @param err
 *   A positive errno.
 * @return
 *   A sentence, or "" if there is nothing to add to strerror(). Static memory.
 */
const char *
rte_vfio_cdev_advice(enum rte_vfio_cdev_step step, int err);

/**
 * A word for a mode. Thread-safe.
 *
 * @param mode
 *   The mode.
 * @return
 *   "no-IOMMU", "translated", or "unknown" for what is none. Static memory.
 */
const char *
rte_vfio_cdev_mode_name(enum rte_vfio_cdev_mode mode);

/**
 * Create an address space for devices of a mode. Nothing is opened before the first
 * device comes (rte_vfio_cdev_domain_fd()). Thread-safe.
 *
 * @param ctx
 *   The context. It must outlive the domain.
 * @param mode
 *   The mode of the devices that will be opened in it.
 * @param[out] domain
 *   The domain; free it with rte_vfio_cdev_domain_destroy().
 * @return
 *   0; -ENOMEM; -EINVAL no mode.
 */
int
rte_vfio_cdev_domain_create(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode,
			    struct rte_vfio_cdev_domain **domain);

/**
 * Unmap and unpin everything and free the domain. Nothing else may use it
 * meanwhile.
 *
 * @param domain
 *   The domain, or NULL.
 * @return
 *   0, or -EBUSY while a device is open in it: nothing was done then.
 */
int
rte_vfio_cdev_domain_destroy(struct rte_vfio_cdev_domain *domain);

/**
 * The domain's iommufd. The first call, or the first device that is opened or primed,
 * opens /dev/iommu, makes sure without an IOMMU that the kernel can tell physical
 * addresses, and allocates an IOAS. Linux >= 7.3, or >= 6.6 for
 * RTE_VFIO_CDEV_TRANSLATED. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @return
 *   The fd, which stays the domain's: do not close it. Or -ENOENT no /dev/iommu;
 *   -EACCES not allowed to open it; -ENOMEM; for RTE_VFIO_CDEV_NOIOMMU -ENOTTY or
 *   -EOPNOTSUPP a kernel without IOMMU_IOAS_NOIOMMU_GET_PA, -EPERM no CAP_SYS_RAWIO.
 */
int
rte_vfio_cdev_domain_fd(struct rte_vfio_cdev_domain *domain);

/**
 * Count the iommufds that the domains of this process have open: what a child that is
 * forked shares with it. Takes no lock; may be called in a child, or a signal handler.
 *
 * @return
 *   The number.
 */
unsigned int
rte_vfio_cdev_iommufds_open(void);

/**
 * In a child that was forked: let it use the domain, whose locks other threads of
 * the parent may have had. Only sound if the domain had opened nothing, since an
 * iommufd stays the parent's.
 *
 * @param domain
 *   The domain.
 */
void
rte_vfio_cdev_domain_forked(struct rte_vfio_cdev_domain *domain);

/**
 * Is memory that is mapped now pinned at once? Thread-safe.
 *
 * @param domain
 *   The domain.
 * @return
 *   Whether it has a HWPT (RTE_VFIO_CDEV_NOIOMMU), or a device.
 */
bool
rte_vfio_cdev_domain_is_ready(struct rte_vfio_cdev_domain *domain);

/**
 * Give a domain its HWPT (IOMMU_HWPT_ALLOC, drivers/iommu/iommufd/hw_pagetable.c)
 * by the way of a device that is not kept: memory can be pinned and addresses
 * asked for from then on, before any device is set up. The device is bound,
 * which resets it, and closed again; others can use the domain meanwhile.
 * Linux >= 7.3. Thread-safe.
 *
 * @param domain
 *   The domain. If it has a HWPT the device is left alone; only what is still
 *   pending is mapped.
 * @param info
 *   From rte_vfio_cdev_find(), of a device that nobody uses.
 * @param token
 *   16-byte VF token, or NULL.
 * @return
 *   0; -EOPNOTSUPP the domain is for devices with an IOMMU; or an error as from
 *   rte_vfio_cdev_device_open().
 */
int
rte_vfio_cdev_domain_prime(struct rte_vfio_cdev_domain *domain,
			   const struct rte_vfio_cdev_info *info, const void *token);

/**
 * Open a cdev, bind it to the domain's iommufd (drivers/vfio/device_cdev.c) and
 * attach it. The device has been reset and its bus mastering is off afterwards.
 * With the first one, mappings that are pending are pinned, and each is compared with
 * what was said of its address. Others can use the domain meanwhile. Linux >= 7.3.
 * Thread-safe.
 *
 * @param domain
 *   The domain. It must outlive the device.
 * @param info
 *   From rte_vfio_cdev_find(); the node must be the device that it names.
 * @param token
 *   16-byte VF token, or NULL.
 * @param[out] device
 *   The device; close it with rte_vfio_cdev_device_close().
 * @return
 *   0; -EXDEV the domain is for devices of the other mode; -EPERM no
 *   CAP_SYS_RAWIO, or with an IOMMU interrupts that the platform does not
 *   isolate; -EBUSY the device's group is open; -EINVAL bound elsewhere;
 *   -EADDRINUSE memory is mapped at IOVAs that the device's IOMMU reserves or
 *   cannot translate (drivers/iommu/iommufd/device.c); -EACCES the token is
 *   wrong or missing, or the node's permissions; -ENOENT no node; -ENXIO the
 *   node is another device's;
 *   -ENODEV the device is going away; what rte_vfio_cdev_domain_fd() says, or
 *   rte_vfio_cdev_domain_map() of a pending mapping: what was pending is so again then.
 */
int
rte_vfio_cdev_device_open(struct rte_vfio_cdev_domain *domain,
			  const struct rte_vfio_cdev_info *info, const void *token,
			  struct rte_vfio_cdev_device **device);

/**
 * Another fd of the same open cdev, to be sent to a process that shares the device
 * (SCM_RIGHTS). The device stays bound until all of them are closed, everywhere.
 * Thread-safe.
 *
 * @param device
 *   The device. It may be closed before the copy.
 * @param[out] copy
 *   A device of no domain; close it with rte_vfio_cdev_device_close().
 * @return
 *   0; -ENOMEM; -EMFILE.
 */
int
rte_vfio_cdev_device_dup(const struct rte_vfio_cdev_device *device,
			 struct rte_vfio_cdev_device **copy);

/**
 * Take over an fd that another process sent: one that opened the cdev, bound it,
 * and maps memory for it. What came must be the device, and not close-on-exec,
 * as no fd in a message is (unless MSG_CMSG_CLOEXEC was asked for); it is made so.
 * Thread-safe.
 *
 * @param ctx
 *   The context. It must outlive the device.
 * @param info
 *   From rte_vfio_cdev_find() in this process.
 * @param fd
 *   What came. It is the library's from now on, and closed on error; but not one
 *   that cannot have come (-EBADF, -EEXIST).
 * @param[out] device
 *   A device of no domain; close it with rte_vfio_cdev_device_close().
 * @return
 *   0; -ENXIO another device; -ENOTTY no device; -EBADF nothing open; -EEXIST
 *   an fd that this process had before; -ENOMEM.
 */
int
rte_vfio_cdev_device_import(const struct rte_vfio_cdev_ctx *ctx,
			    const struct rte_vfio_cdev_info *info, int fd,
			    struct rte_vfio_cdev_device **device);

/**
 * Close a device: the kernel turns bus mastering off and resets it when this
 * was the last reference to its file. Nothing else may use it meanwhile.
 *
 * @param device
 *   The device, or NULL.
 */
void
rte_vfio_cdev_device_close(struct rte_vfio_cdev_device *device);

/**
 * The open cdev, for device ioctls and mmap. Thread-safe.
 *
 * @param device
 *   The device.
 * @return
 *   The fd. It stays the device's: do not close it.
 */
int
rte_vfio_cdev_device_fd(const struct rte_vfio_cdev_device *device);

/**
 * What the device was opened by. Thread-safe.
 *
 * @param device
 *   The device.
 * @return
 *   A copy of the info, which lives as long as the device.
 */
const struct rte_vfio_cdev_info *
rte_vfio_cdev_device_info(const struct rte_vfio_cdev_device *device);

/**
 * VFIO_DEVICE_GET_INFO. Thread-safe.
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
