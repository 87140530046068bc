/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef RTE_VFIO_CDEV_MEMORY_H
#define RTE_VFIO_CDEV_MEMORY_H

/**
 * @file
 * The memory of a domain: part of rte_vfio_cdev.h, which includes it.
 * @code{.unparsed}
 *	map ------- map memory at an address that the caller gives, or at any
 *	pin_page -- pin one page, and return its address
 *	pin ------- pin any memory, and return its addresses
 *	provide --- return the address of a page, and pin it provisionally
 *	expect ---- pin a page provisionally whose address was given already
 * @endcode
 * Memory is pinned, and its address confirmed by the kernel, before a device can use
 * it. unmap undoes map and pin_page, pin_release undoes pin. Provisional pins end when
 * their memory is unmapped, or when a mapping of it replaces them.
 *
 * mappings and stats report the state of a domain.
 *
 * Without an IOMMU a device is given physical addresses, and each mapping is an
 * area of its own: several may have the same memory, or parts of it, at one VA or
 * at several. A domain of RTE_VFIO_CDEV_TRANSLATED supports map only. Its IOVA may be
 * any that the IOMMUs translate and no other mapping has, and nothing is verified. The
 * other functions return -EOPNOTSUPP, since a device does not use physical addresses
 * there.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_vfio_cdev_domain;
struct rte_vfio_cdev_pin;

/** Without an IOMMU: no address is given, and the memory may be anywhere. */
#define RTE_VFIO_CDEV_IOVA_ANY UINT64_MAX

/** NUMA nodes that are counted separately. */
#define RTE_VFIO_CDEV_NODES 64

/** The state of a domain, and events since its creation. */
struct rte_vfio_cdev_stats {
	uint64_t mappings;	    /**< mappings but pending ones; each part of a split one */
	uint64_t pages_mapped;	    /**< their pages, of each mapping's page size */
	uint64_t pages_verified;    /**< of these pages, confirmed by the kernel */
	uint64_t bytes;		    /**< bytes pinned */
	unsigned int devices;	    /**< devices attached */
	uint64_t pending;	    /**< mappings not pinned yet */
	uint64_t provisional;	    /**< provisional pins, pending ones included */
	uint64_t provisional_bytes; /**< bytes pinned by them, not in bytes */
	uint64_t node_bytes[RTE_VFIO_CDEV_NODES]; /**< of bytes, on each node */
	uint64_t nodeless_bytes;		  /**< of bytes, the others; with an IOMMU all */
	uint64_t maps;				  /**< mappings pinned since the creation */
	uint64_t unmaps;			  /**< mappings unpinned */
	uint64_t verified;			  /**< times that a page had the right address */
	uint64_t misplaced;			  /**< times that it had not, and was not mapped */
	uint64_t refused;  /**< failed calls to map, pin or return an address */
	uint64_t ioctls;   /**< ioctls for the domain, including binds */
	uint64_t ioctl_ns; /**< their time in nanoseconds */
};

/** State of a mapping. */
enum rte_vfio_cdev_mapping_state {
	RTE_VFIO_CDEV_PINNED,
	RTE_VFIO_CDEV_PENDING, /**< not pinned yet */
	RTE_VFIO_CDEV_BAR,     /**< registers of a device, not pinned */
};

/** A mapping, or the rest of one. */
struct rte_vfio_cdev_mapping {
	uint64_t va;	    /**< start in this process */
	uint64_t iova;	    /**< start as the device sees it, or RTE_VFIO_CDEV_IOVA_ANY */
	uint64_t len;	    /**< bytes */
	uint64_t page_size; /**< bytes that are certainly contiguous */
	unsigned int users; /**< number of times it was mapped */
	enum rte_vfio_cdev_mapping_state state; /**< RTE_VFIO_CDEV_PINNED, ... */
	/**
	 * 0: the kernel has just reported the addresses below. -ENODATA: it was not
	 * queried, since the mapping is not pinned or there is an IOMMU. -errno: its error.
	 */
	int err;
	uint64_t first_phys; /**< of the first page */
	uint64_t last_phys;  /**< of the last page, of the page size */
};

/** Memory that is contiguous for a device. */
struct rte_vfio_cdev_extent {
	uint64_t iova; /**< start: without an IOMMU the physical address */
	uint64_t len;  /**< bytes */
};

/**
 * Pin memory of this process and map it for the domain's devices
 * (IOMMU_IOAS_MAP, drivers/iommu/iommufd/ioas.c). Linux >= 7.3.
 *
 * Without an IOMMU the kernel reports the address of every page after it has pinned
 * the memory (hwpt_noiommu.c). If a page does not have the address that follows from
 * @p iova, the whole mapping is undone. To map exactly the same memory again adds a user
 * to the mapping, if the memory was not replaced.
 *
 * Before the domain's first device, or rte_vfio_cdev_domain_prime(), the mapping is
 * pending, and the memory may still move. It is pinned by that call, which fails if the
 * mapping fails.
 *
 * More than 1 GiB is mapped in pieces that end at multiples of 1 GiB, all or none of
 * them. Each piece is a mapping of its own. Other threads can use the domain between
 * two pieces.
 *
 * Thread-safe; needs CAP_SYS_RAWIO, and CAP_IPC_LOCK or a sufficient
 * RLIMIT_MEMLOCK, at the time of the call.
 *
 * @param domain
 *   The domain.
 * @param va
 *   Start in this process, a multiple of the size of base pages (sysconf(3)).
 * @param iova
 *   Start as the device sees it, a multiple of that size. Without an IOMMU: the physical
 *   address of memory that is contiguous; or RTE_VFIO_CDEV_IOVA_ANY.
 * @param len
 *   Bytes, a multiple of that size.
 * @param page_size
 *   Bytes that are certainly contiguous: the size of the hugepages, which divides @p va
 *   and @p len; or 0 for base pages, or if unknown.
 * @return
 *   0; -EINVAL wrong arguments; -EEXIST with an IOMMU another mapping overlaps the IOVAs,
 *   without one the same memory is mapped at another address; -EOVERFLOW too many
 *   users; -ERANGE an IOMMU reserves some of the IOVAs or cannot translate them
 *   (IOMMU_IOAS_IOVA_RANGES); -EADDRNOTAVAIL a page has another address;
 *   -EPROTO the kernel has returned invalid values; -EFAULT, -ENOMEM, -EPERM from the
 *   kernel. Nothing stays mapped on error.
 */
int
rte_vfio_cdev_domain_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			 uint64_t len, uint64_t page_size);

/**
 * Record a mapping for rte_vfio_cdev_domain_settle(), even if it could be pinned at once.
 * Makes no ioctl. A mapping that exists already stays as it is, without another user.
 * Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param va
 *   As for rte_vfio_cdev_domain_map().
 * @param iova
 *   As for rte_vfio_cdev_domain_map().
 * @param len
 *   As for rte_vfio_cdev_domain_map().
 * @param page_size
 *   As for rte_vfio_cdev_domain_map().
 * @return
 *   0; -EINVAL, -EEXIST as from rte_vfio_cdev_domain_map(); -ENOMEM.
 */
int
rte_vfio_cdev_domain_plan(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			  uint64_t len, uint64_t page_size);

/**
 * Check whether new mappings are pinned at once. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @return
 *   true if the domain has a HWPT (RTE_VFIO_CDEV_NOIOMMU), a device, or was started.
 */
bool
rte_vfio_cdev_domain_is_ready(struct rte_vfio_cdev_domain *domain);

/**
 * Make a domain of RTE_VFIO_CDEV_PIN_ONLY ready: open io_uring (io_uring_setup(2)), and pin
 * all pending mappings. It has no devices. Linux >= 5.13 (IORING_REGISTER_BUFFERS_UPDATE,
 * io_uring/rsrc.c). Thread-safe; addresses need CAP_SYS_ADMIN (/proc/self/pagemap) at the time
 * of this call, and pins need CAP_IPC_LOCK or a sufficient RLIMIT_MEMLOCK at each call.
 *
 * @param domain
 *   The domain.
 * @return
 *   0; -EOPNOTSUPP its devices have cdevs; -ENOSYS the kernel has no io_uring; -EPERM it is
 *   forbidden; -EINVAL an older kernel; -EMFILE, -ENOMEM; or the first error of a mapping:
 *   all are pending again then.
 */
int
rte_vfio_cdev_domain_start(struct rte_vfio_cdev_domain *domain);

/**
 * Pin all pending mappings. Other threads can use the domain meanwhile. Thread-safe.
 *
 * @param domain
 *   The domain. It must have had a device, or been primed or started.
 * @return
 *   0; -ENODEV no device yet; or the first error of a mapping: all mappings that this
 *   call has pinned are pending again then.
 */
int
rte_vfio_cdev_domain_settle(struct rte_vfio_cdev_domain *domain);

/**
 * Pin one page where it is, and return its physical address.
 *
 * The page is pinned before its address is queried, and stays pinned, so it cannot move
 * before a device uses the address. Linux >= 7.3.
 *
 * The result is an ordinary mapping: to map it again adds a user, unmap undoes it. A page
 * that is mapped already, alone or with others, is not mapped again and gets no user:
 * unmap it once only, however often it was pinned. A rte_vfio_cdev_pin is no mapping.
 *
 * Thread-safe; capabilities as for rte_vfio_cdev_domain_map().
 *
 * @param domain
 *   The domain. It must have had a device, or been primed.
 * @param va
 *   The page's start in this process.
 * @param page_size
 *   Its size.
 * @param[out] phys
 *   Its physical address.
 * @return
 *   0; -EINVAL wrong arguments, or the memory is no page of this size; -ENODEV no device
 *   yet; -EPROTO the kernel has returned invalid values; -EFAULT, -ENOMEM, -EPERM
 *   from the kernel. Nothing stays mapped on error.
 */
int
rte_vfio_cdev_domain_pin_page(struct rte_vfio_cdev_domain *domain, const void *va,
			      uint64_t page_size, uint64_t *phys);

/**
 * Pin memory of this process where it is, for the domain's devices. It may be any
 * writable memory (anonymous, shared, memfd, hugetlb). Linux >= 7.3.
 *
 * The memory is pinned before its addresses are queried, so it cannot move before or
 * while a device uses it. The mappings are the pin's own: no other call shares or undoes
 * them. To pin or map the same memory again pins it once more, and charges RLIMIT_MEMLOCK
 * again. After fork(2) the parent keeps the pinned pages, and the child
 * gets copies of those that are not shared (mm/memory.c).
 *
 * Thread-safe; capabilities as for rte_vfio_cdev_domain_map().
 *
 * @param domain
 *   The domain. It must have had a device, or been primed.
 * @param va
 *   Start in this process, a multiple of the size of base pages (sysconf(3)).
 * @param len
 *   Bytes, a multiple of that size.
 * @param[out] pin
 *   The pinned memory; release it with rte_vfio_cdev_pin_release(), before the
 *   domain is destroyed.
 * @return
 *   0; -EINVAL wrong arguments; -ENODEV no device yet; -EFAULT the memory is absent,
 *   read-only, or of a file whose pages cannot be pinned (mm/gup.c); -EPROTO the kernel
 *   has returned invalid values; -ENOMEM, -EPERM from the kernel. Nothing stays pinned
 *   on error, but what the kernel refuses to unpin, which is logged.
 */
int
rte_vfio_cdev_domain_pin(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
			 struct rte_vfio_cdev_pin **pin);

/**
 * Return the addresses of pinned memory. Thread-safe.
 *
 * @param pin
 *   The pinned memory.
 * @param[out] extents
 *   The extents, in the order of the memory and together as long. They are valid as
 *   long as @p pin.
 * @return
 *   The number of extents, at least 1. Neighbouring extents may be contiguous.
 */
unsigned int
rte_vfio_cdev_pin_extents(const struct rte_vfio_cdev_pin *pin,
			  const struct rte_vfio_cdev_extent **extents);

/**
 * Unpin the memory of rte_vfio_cdev_domain_pin(). Without an IOMMU a device can still
 * access the memory later: stop its DMA first. The process may have unmapped the memory
 * already. Thread-safe, but no other thread may use @p pin meanwhile.
 *
 * @param pin
 *   The pinned memory, or NULL.
 * @return
 *   0, or an error of the kernel: @p pin stays valid then, for another attempt.
 */
int
rte_vfio_cdev_pin_release(struct rte_vfio_cdev_pin *pin);

/**
 * Return the physical address of a page and pin it provisionally. The pin ends when
 * rte_vfio_cdev_domain_map() or _pin_page() pins memory that contains the page, or
 * when the memory is unmapped. For an address that is given to a caller which may map
 * the memory by it later, or not. Linux >= 7.3.
 *
 * The whole page is pinned, of its real size (PROCMAP_QUERY, Linux >= 6.11; else
 * that of base pages). The kernel is queried each time, so memory that has replaced other memory
 * gets its own address. Hooks of munmap(2) and the like report memory that is gone
 * (vfio_cdev_monitor.h), and rte_vfio_cdev_domain_sweep() finds the rest; this function
 * calls it when many pages are pinned. Thread-safe; capabilities as for
 * rte_vfio_cdev_domain_map().
 *
 * @param domain
 *   The domain. It must have had a device, or been primed.
 * @param va
 *   Any address in memory that can be written.
 * @param[out] phys
 *   Its physical address.
 * @return
 *   0; -ENODEV no device yet; -EFAULT no memory, or read-only; -ENOMEM, -EPERM
 *   from the kernel.
 */
int
rte_vfio_cdev_domain_provide(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys);

/**
 * Record the address of a page that was given to a caller before the domain was ready
 * (from /proc/self/pagemap). With the first device the page is pinned provisionally. If
 * it has another address by then, the device is refused (-EADDRNOTAVAIL); if the memory
 * is gone, the record is dropped. In a domain that is ready the page is pinned and
 * compared at once. Of several addresses of a page the first one counts. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param va
 *   Any address in memory that can be written.
 * @param phys
 *   The physical address that was given.
 * @return
 *   0; -EINVAL it cannot be the address; -ENOMEM; and in a domain that is ready an error
 *   of rte_vfio_cdev_domain_provide(), or -EADDRNOTAVAIL.
 */
int
rte_vfio_cdev_domain_expect(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t phys);

/**
 * Unpin provisional pages whose memory is gone or was replaced. Thread-safe.
 *
 * @param domain
 *   The domain.
 */
void
rte_vfio_cdev_domain_sweep(struct rte_vfio_cdev_domain *domain);

/**
 * Keep provisional pages pinned when their memory is unmapped, for a program that maps the
 * same pages elsewhere without a query of their address (--legacy-mem). Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param on
 *   true: keep them from now on; false: do not, and unpin those that were kept.
 */
void
rte_vfio_cdev_domain_keep_provisional(struct rte_vfio_cdev_domain *domain, bool on);

/**
 * Return the physical address of memory at this moment. The page is pinned, queried
 * (IOMMU_IOAS_NOIOMMU_GET_PA, drivers/iommu/iommufd/hwpt_noiommu.c) and unpinned, so it
 * can move afterwards. Linux >= 7.3. Thread-safe; capabilities as for
 * rte_vfio_cdev_domain_map().
 *
 * @param domain
 *   The domain. It must have had a device, or been primed.
 * @param va
 *   Any address in memory that can be written.
 * @param[out] phys
 *   Its physical address.
 * @return
 *   0; -ENODEV no device yet; -EFAULT no memory, or read-only; -ENOMEM, -EPERM
 *   from the kernel.
 */
int
rte_vfio_cdev_domain_phys(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys);

/**
 * Undo one rte_vfio_cdev_domain_map() or rte_vfio_cdev_domain_pin_page(), a part of
 * it, or several adjacent ones (IOMMU_IOAS_UNMAP,
 * drivers/iommu/iommufd/io_pagetable.c). The rest of a mapping stays pinned all the
 * time. A mapping with several users loses one of them. What rte_vfio_cdev_domain_pin()
 * has pinned stays pinned.
 *
 * Unmapped memory is no longer pinned, so addresses that were given for it are invalid:
 * query them again. Without an IOMMU a device can still access the memory later: stop
 * its DMA first. Linux >= 7.3. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param va
 *   Start in this process.
 * @param iova
 *   As given to map; RTE_VFIO_CDEV_IOVA_ANY: at any address.
 * @param len
 *   Bytes.
 * @return
 *   0; -ENOENT this memory, or a part of it, is not mapped at this address;
 *   -EOPNOTSUPP the range begins or ends inside a page of the size that was given to
 *   map, or with an IOMMU inside a mapping: devices would lose access to its rest for a
 *   moment; -EINVAL wrong arguments; -ENOMEM. After these nothing was done. After other
 *   errors of the kernel, the lower ones of several mappings, or of the pieces of a
 *   large one, may be unmapped.
 */
int
rte_vfio_cdev_domain_unmap(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			   uint64_t len);

/**
 * Check whether this mapping exists, pinned or pending, as a whole or in the pieces that
 * map makes of a large one. Those of a rte_vfio_cdev_pin do not count. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param va
 *   As given to map.
 * @param iova
 *   As given to map.
 * @param len
 *   As given to map.
 * @return
 *   0; -ENOENT nothing is mapped there; -EOPNOTSUPP other mappings are there;
 *   -EINVAL wrong arguments. Errors are not logged.
 */
int
rte_vfio_cdev_domain_lookup(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			    uint64_t len);

/**
 * List mappings sorted by VA, with an IOMMU by IOVA, with the current addresses of the
 * first and the last page of each (IOMMU_IOAS_NOIOMMU_GET_PA). Takes the same time for
 * any number of mappings in the domain, and locks the domain while the kernel is
 * queried. Provisional pins are not listed. Thread-safe; the addresses need
 * CAP_SYS_RAWIO, without which the mappings are listed without them.
 *
 * @param domain
 *   The domain.
 * @param start
 *   Where to begin: a VA, with an IOMMU an IOVA.
 *   A multiple of 4096: include mappings that begin before it. Their rest is listed, from
 *   the page that contains @p start, so that each page of a large mapping can be queried.
 *   A multiple of 4096, + 1: only mappings that begin there or later.
 *   A multiple of 4096, + 1 + n: the same, without the first n of those that begin there.
 *   To continue a list: the start of its last mapping + 1 + the number of mappings in the
 *   list that have this start.
 * @param[out] mappings
 *   The list.
 * @param size
 *   Room in @p mappings.
 * @return
 *   The number of mappings in the list; fewer than @p size: there are no more.
 */
unsigned int
rte_vfio_cdev_domain_mappings(struct rte_vfio_cdev_domain *domain, uint64_t start,
			      struct rte_vfio_cdev_mapping *mappings, unsigned int size);

/**
 * Let a child made by fork(2) use a domain of its parent: its locks, which other threads of
 * the parent may have held, are initialized again. Call it in the child, and only if the
 * domain had opened no device and no iommufd, which belong to the parent.
 *
 * @param domain
 *   The domain.
 */
void
rte_vfio_cdev_domain_forked(struct rte_vfio_cdev_domain *domain);

/**
 * Read the statistics of a domain. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param[out] stats
 *   A consistent copy.
 */
void
rte_vfio_cdev_domain_stats(struct rte_vfio_cdev_domain *domain, struct rte_vfio_cdev_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* RTE_VFIO_CDEV_MEMORY_H */
