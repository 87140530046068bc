/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef RTE_VFIO_CDEV_MEMORY_H
#define RTE_VFIO_CDEV_MEMORY_H

/**
 * @file
 * The memory of a domain: part of rte_vfio_cdev.h, which includes it.
 *
 *	map ------- memory, whose address the caller knows, or does not care for
 *	pin_page -- a page, or
 *	pin ------- any memory, where it is: the caller is told
 *	provide --- a page whose address is told before it is mapped
 *	expect ---- a page whose address somebody else has told
 *
 * All of it is pinned, and its address confirmed by the kernel, before a device
 * can be given it. unmap ends the first two, release the third. The last two are
 * provisional: they go with their memory, or with a mapping that has it.
 *
 * mappings and stats tell what there is of it.
 *
 * Without an IOMMU a device is given physical addresses, and each mapping is an
 * area of its own: several may have the same memory, or parts of it, at one VA or
 * at several. In a domain of RTE_VFIO_CDEV_TRANSLATED there is map only: its IOVA
 * is any that the IOMMUs translate and no other mapping has, and nothing is
 * verified. The others are refused with -EOPNOTSUPP, since a device does not see
 * physical addresses there.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_vfio_cdev_domain;
struct rte_vfio_cdev_pin;

/** Without an IOMMU: no address is stated, the memory may be anywhere. */
#define RTE_VFIO_CDEV_IOVA_ANY UINT64_MAX

/** NUMA nodes that are told apart. */
#define RTE_VFIO_CDEV_NODES 64

/** What a domain holds now, and what has happened in it since its creation. */
struct rte_vfio_cdev_stats {
	uint64_t mappings;		/**< ranges mapped, each part of a split one */
	uint64_t pages_mapped;		/**< pages, of each mapping's page size */
	uint64_t pages_verified;	/**< of these, confirmed by the kernel */
	uint64_t bytes;			/**< bytes pinned */
	unsigned int devices;		/**< devices attached */
	uint64_t pending;		/**< ranges that wait to be pinned */
	uint64_t provisional;		/**< pages there only because their address was told */
	uint64_t provisional_bytes;	/**< of these pinned, beside bytes */
	uint64_t node_bytes[RTE_VFIO_CDEV_NODES];	/**< of the bytes, those on each node */
	uint64_t nodeless_bytes;	/**< the others: all of it where there is an IOMMU */
	uint64_t maps;			/**< ranges pinned since the creation */
	uint64_t unmaps;		/**< ranges unpinned */
	uint64_t verified;		/**< times that a page of one was where it should be */
	uint64_t misplaced;		/**< times that one was not, and the mapping not made */
	uint64_t refused;		/**< calls to map, pin or tell an address that failed */
	uint64_t ioctls;		/**< made for the domain, binding devices included */
	uint64_t ioctl_ns;		/**< that they took */
};

/** How a mapping is. */
enum rte_vfio_cdev_mapping_state {
	RTE_VFIO_CDEV_PINNED,
	RTE_VFIO_CDEV_PENDING,	/**< waits to be pinned */
	RTE_VFIO_CDEV_BAR,	/**< registers of a device: nothing to pin */
};

/** What is known of a mapping, or of the rest of one. */
struct rte_vfio_cdev_mapping {
	uint64_t va;		/**< start in this process */
	uint64_t iova;		/**< start as the device sees it, or RTE_VFIO_CDEV_IOVA_ANY */
	uint64_t len;		/**< bytes */
	uint64_t page_size;	/**< bytes that are contiguous for sure */
	unsigned int users;	/**< how many times it has been mapped */
	/** RTE_VFIO_CDEV_PINNED, _PENDING or _BAR */
	enum rte_vfio_cdev_mapping_state state;
	/**
	 * 0: the kernel has just been asked for the addresses below. -errno: what it
	 * said. -ENODATA: it was not, since it is not pinned or there is an IOMMU.
	 */
	int err;
	uint64_t first_phys;	/**< of the first page */
	uint64_t last_phys;	/**< of the last page, of the page size */
};

/** Memory that a device finds in one piece. */
struct rte_vfio_cdev_extent {
	uint64_t iova;	/**< where it begins: without an IOMMU, its physical address */
	uint64_t len;	/**< bytes */
};

/**
 * Let the domain's devices reach memory of this process, and pin it
 * (IOMMU_IOAS_MAP, drivers/iommu/iommufd/ioas.c). Linux >= 7.3.
 *
 * Without an IOMMU the kernel is asked for the address of every page after it
 * pinned the memory (hwpt_noiommu.c); one that is not where @p iova says undoes the
 * whole mapping. Mapping the very same memory again counts a user more, if it is the
 * same memory still.
 *
 * Before the domain's first device, or rte_vfio_cdev_domain_prime(), nothing
 * can be pinned: the mapping is kept and made then, and if it fails so does
 * that call. Until then the memory may be moved.
 *
 * More than 1 GiB is mapped in pieces that end at multiples of it, each a mapping of
 * its own, so that others get at the domain in between. All of them, or none.
 *
 * Thread-safe; needs CAP_SYS_RAWIO, and CAP_IPC_LOCK or a sufficient
 * RLIMIT_MEMLOCK, at the time of the call.
 *
 * @param domain
 *   The domain.
 * @param va
 *   Start in this process, a multiple of 4 KiB.
 * @param iova
 *   Start as the device sees it, a multiple of 4 KiB. Without an IOMMU that is the
 *   physical address, all of the memory following it; or RTE_VFIO_CDEV_IOVA_ANY.
 * @param len
 *   Bytes, a multiple of 4 KiB.
 * @param page_size
 *   Bytes that are contiguous for sure, a power of two >= 4096 that divides
 *   @p va and @p len: the size of the hugepages, or 4096 if unknown.
 * @return
 *   0; -EINVAL arguments; -EEXIST with an IOMMU the IOVA range has another mapping,
 *   without one the same memory is mapped with another address; -EOVERFLOW too many
 *   users; -ERANGE an IOMMU reserves some of the IOVAs or cannot translate them
 *   (IOMMU_IOAS_IOVA_RANGES); -EADDRNOTAVAIL a page is not where it should be;
 *   -EPROTO an answer of the kernel that makes no sense; -EFAULT, -ENOMEM,
 *   -EPERM from the kernel. Nothing stays mapped on error.
 */
int
rte_vfio_cdev_domain_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			 uint64_t len, uint64_t page_size);

/**
 * Record a mapping that rte_vfio_cdev_domain_settle() is to make, even if it could be
 * made at once. Costs no ioctl. One that is there already is left as it is: no user
 * more. Thread-safe.
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
 * Pin all that is pending. Others can use the domain meanwhile. Thread-safe.
 *
 * @param domain
 *   The domain. It must have had a device, or been primed.
 * @return
 *   0; -ENODEV no device yet; or the first error of a mapping: what this call has
 *   pinned is pending again then.
 */
int
rte_vfio_cdev_domain_settle(struct rte_vfio_cdev_domain *domain);

/**
 * Pin one page where it is found to be.
 *
 * The page is pinned before its address is asked for and stays so, hence
 * nothing can move it between this answer and a device's use of it. Linux >= 7.3.
 *
 * The mapping is one like any other: map finds it as the very same and counts a
 * user more, unmap undoes it. But a page that is mapped already, alone or with
 * others, is neither asked for nor counted another time: do not unmap it more than
 * once for all pins.
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
 *   0; -EINVAL arguments, or the memory is no page of this size; -ENODEV no device
 *   yet; -EPROTO answers of the kernel that make no sense; -EFAULT, -ENOMEM, -EPERM
 *   from the kernel. Nothing stays mapped on error.
 */
int
rte_vfio_cdev_domain_pin_page(struct rte_vfio_cdev_domain *domain, const void *va,
			      uint64_t page_size, uint64_t *phys);

/**
 * Pin memory of this process where it is, and let the domain's devices reach
 * it: any that can be written to, whatever its pages (anonymous, shared, memfd,
 * hugetlb), as long as it stays mapped here. Linux >= 7.3.
 *
 * The memory is pinned before its addresses are asked for: nothing can move it
 * before or while a device uses it. Pinning the very same memory again is
 * another pin, for which RLIMIT_MEMLOCK is charged again.
 * After fork(2) the parent keeps the pinned pages, and the child gets copies of
 * those that are not shared (mm/memory.c).
 *
 * Thread-safe; capabilities as for rte_vfio_cdev_domain_map().
 *
 * @param domain
 *   The domain. It must have had a device, or been primed.
 * @param va
 *   Start in this process, a multiple of 4 KiB.
 * @param len
 *   Bytes, a multiple of 4 KiB.
 * @param[out] pin
 *   The pinned memory; release it with rte_vfio_cdev_pin_release(), before the
 *   domain is destroyed.
 * @return
 *   0; -EINVAL arguments; -ENODEV no device yet; -EFAULT no memory, read-only,
 *   or of a file whose pages cannot be pinned (mm/gup.c); -EPROTO answers of the
 *   kernel that make no sense;
 *   -ENOMEM, -EPERM from the kernel. Nothing stays pinned on error.
 */
int
rte_vfio_cdev_domain_pin(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
			 struct rte_vfio_cdev_pin **pin);

/**
 * Where pinned memory is. Thread-safe.
 *
 * @param pin
 *   The pinned memory.
 * @param[out] extents
 *   In the order of the memory, and together as long. They live as long as
 *   @p pin.
 * @return
 *   How many there are, at least 1. Neighbours may follow each other without a
 *   gap.
 */
unsigned int
rte_vfio_cdev_pin_extents(const struct rte_vfio_cdev_pin *pin,
			  const struct rte_vfio_cdev_extent **extents);

/**
 * Unmap and unpin what rte_vfio_cdev_domain_pin() pinned. Without an IOMMU
 * nothing keeps a device from using the memory later: stop its DMA first. The
 * memory may be gone already, and parts of it unmapped. Thread-safe, but nothing
 * else may use @p pin meanwhile.
 *
 * @param pin
 *   The pinned memory, or NULL.
 * @return
 *   0, or what the kernel says: @p pin stays then, for another try.
 */
int
rte_vfio_cdev_pin_release(struct rte_vfio_cdev_pin *pin);

/**
 * Tell where a page is, and pin it there provisionally: until it is mapped or pinned
 * for good, by rte_vfio_cdev_domain_map(), _pin() or _pin_page() of memory that it
 * is in, or its memory goes. For whoever tells an address to somebody who may, or may
 * not, map the memory by it later. Linux >= 7.3.
 *
 * The whole page is pinned, of the size that it has (PROCMAP_QUERY, Linux >= 6.11; else
 * 4 KiB). It is asked for again each time, so memory that has come in the place of
 * other memory gets its own address. That memory has gone is known from
 * vfio_cdev_monitor.h, or found by rte_vfio_cdev_domain_sweep(), which comes by itself
 * when they are many. Thread-safe; capabilities as for rte_vfio_cdev_domain_map().
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
rte_vfio_cdev_domain_provide(struct rte_vfio_cdev_domain *domain, const void *va,
			     uint64_t *phys);

/**
 * Take note that somebody was told where memory is, before the kernel could be asked
 * (/proc/self/pagemap). With the first device its page is pinned provisionally, and if
 * it is elsewhere by then the device is refused (-EADDRNOTAVAIL); unless the memory is
 * gone. In a domain that is ready the page is pinned and compared at once. If
 * different addresses were told of a page, the first one counts. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param va
 *   Any address in memory that can be written.
 * @param phys
 *   The physical address that was told of it.
 * @return
 *   0; -EINVAL it cannot be the address; -ENOMEM; and in a domain that is ready what
 *   rte_vfio_cdev_domain_provide() says, or -EADDRNOTAVAIL.
 */
int
rte_vfio_cdev_domain_expect(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t phys);

/**
 * Let go of provisional pages whose memory has gone or been replaced. Thread-safe.
 *
 * @param domain
 *   The domain.
 */
void
rte_vfio_cdev_domain_sweep(struct rte_vfio_cdev_domain *domain);

/**
 * Keep provisional pages pinned when their memory goes, for a program that maps the
 * same pages elsewhere without asking for their address again (--legacy-mem).
 * Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param on
 *   Whether to do so from now on; false lets go of those that were kept.
 */
void
rte_vfio_cdev_domain_keep_provisional(struct rte_vfio_cdev_domain *domain, bool on);

/**
 * Tell where memory is at this moment, without keeping it there: it is pinned,
 * asked for (IOMMU_IOAS_NOIOMMU_GET_PA, drivers/iommu/iommufd/hwpt_noiommu.c)
 * and unpinned. Linux >= 7.3. Thread-safe; capabilities as for
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
 * it, or several that follow each other (IOMMU_IOAS_UNMAP,
 * drivers/iommu/iommufd/io_pagetable.c). What stays of a mapping stays pinned
 * all the time. A mapping with more users loses one. An address that was told of the
 * memory before ends with the mapping too: what is unmapped is pinned no longer, and
 * has to be asked for again. Without an IOMMU nothing
 * keeps a device from using the memory later: stop its DMA first.
 * Linux >= 7.3. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param va
 *   Start in this process.
 * @param iova
 *   As given to map; RTE_VFIO_CDEV_IOVA_ANY: whatever it was.
 * @param len
 *   Bytes.
 * @return
 *   0; -ENOENT this memory is not mapped with this address, or not all of it;
 *   -EOPNOTSUPP the range begins or ends inside a page of the size that was
 *   given to map, or where there is an IOMMU inside a mapping, the rest of which
 *   devices would miss for a moment; -EINVAL arguments; -ENOMEM. On these nothing was
 *   done. What else the kernel says comes back as well; of several mappings, or
 *   pieces of a large one, the lower ones may be gone then.
 */
int
rte_vfio_cdev_domain_unmap(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			   uint64_t len);

/**
 * Tell whether a mapping is there, pending ones included, in one piece or in those
 * that map makes of a large one. Thread-safe.
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
 *   0; -ENOENT nothing is mapped there; -EOPNOTSUPP something else is;
 *   -EINVAL arguments. Not logged.
 */
int
rte_vfio_cdev_domain_lookup(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			    uint64_t len);

/**
 * List mappings, in the order of their VAs, with an IOMMU of their IOVAs, and ask the
 * kernel where the first and the last page of each is now (IOMMU_IOAS_NOIOMMU_GET_PA).
 * Of any number of mappings those that are wanted are found at once; the domain is
 * locked as long as it takes to ask for them. Provisional ones are not listed.
 * Thread-safe; asking needs CAP_SYS_RAWIO, else the mappings come without addresses.
 *
 * @param domain
 *   The domain.
 * @param start
 *   Where to begin: a VA, with an IOMMU an IOVA. A multiple of 4096: of a mapping that
 *   begins before it comes the rest, from the page on that it is in, so that each page
 *   of a large mapping can be asked for. And 1 more: without the rests. And n + 1 more:
 *   without the first n of those that begin there, as several may. So the mapping that
 *   follows the ones of a list is had next by its start + 1 + how many of the list have
 *   the same start.
 * @param[out] mappings
 *   Filled.
 * @param size
 *   Room in @p mappings.
 * @return
 *   How many were filled; fewer than @p size: there are no more.
 */
unsigned int
rte_vfio_cdev_domain_mappings(struct rte_vfio_cdev_domain *domain, uint64_t start,
			      struct rte_vfio_cdev_mapping *mappings, unsigned int size);

/**
 * Read what the domain holds. Thread-safe.
 *
 * @param domain
 *   The domain.
 * @param[out] stats
 *   A consistent copy.
 */
void
rte_vfio_cdev_domain_stats(struct rte_vfio_cdev_domain *domain,
			   struct rte_vfio_cdev_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* RTE_VFIO_CDEV_MEMORY_H */
