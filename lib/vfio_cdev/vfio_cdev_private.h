/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of librte_vfio_cdev share.
 *
 * Locks: a domain has one mutex. It guards its HWPT, its device count, its
 * records, its counters and its other IOVAs, and is held over the ioctls that
 * change them, so that the records never disagree with the kernel. A ctx is
 * constant after its creation; a device after it was opened.
 */

#ifndef VFIO_CDEV_PRIVATE_H
#define VFIO_CDEV_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "iommufd.h"
#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rte_vfio_cdev_ctx {
	const struct iommufd_sys *sys;
	const char *sysfs;		/* "/sys", except in unit tests */
	const char *proc;		/* "/proc", except in unit tests */
	rte_vfio_cdev_log_t log;
	void *log_arg;
};

/* vfio_cdev_mode.c: in what the modes differ. */
struct vfio_cdev_mode {
	const char *prefix;	/* of the cdev's name */
	const char *text;
	bool tells_pa;		/* the kernel tells addresses: IOVAs are verified by them */
	bool own_hwpt;		/* ours, and stays; or one for each IOMMU, gone with its devices */
	bool takes_bars;	/* the registers of another device are reached at their address */
	bool splits;		/* nobody minds that a mapping is away while it is split */
};

/* By enum rte_vfio_cdev_mode. */
extern const struct vfio_cdev_mode vfio_cdev_modes[RTE_VFIO_CDEV_MODES];

struct rte_vfio_cdev_domain {
	struct rte_vfio_cdev_ctx *ctx;
	const struct vfio_cdev_mode *mode;
	pthread_mutex_t lock;
	int iommufd;
	uint32_t ioas_id;
	uint32_t hwpt_id;		/* 0: none yet */
	bool ready;			/* the records are mapped; until then none is */
	void *records;			/* search tree of struct vfio_cdev_record */
	void *held;			/* another: pages at VFIO_CDEV_HELD_VA() */
	uint64_t held_limit;		/* as many as that are swept */
	uint64_t sweep_from;		/* but not fewer: VFIO_CDEV_SWEEP_FROM, or a test's */
	struct ifd_iova_range *ranges;	/* what can be mapped; NULL: all */
	uint32_t range_count;
	struct node_range *nodes;	/* where which NUMA node has memory; constant */
	unsigned int node_count;
	struct rte_vfio_cdev_stats stats;
	struct iommufd_spent before;	/* of whoever has the lock, when it got it */
};

struct rte_vfio_cdev_device {
	const struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_domain *domain;	/* NULL: another file has it there */
	struct rte_vfio_cdev_info info;
	int fd;
};

/*
 * One mapping. A node of the tree (glibc: three words) and this one are both
 * 32 bytes of heap.
 */
struct vfio_cdev_record {
	uint64_t iova;
	uint64_t va;
	uint64_t pages_4k : 40;
	uint64_t page_shift : 6;
	uint64_t users : 16;
	uint64_t astray : 1;		/* in the kernel also, or only, at the scratch IOVA */
	uint64_t bar : 1;		/* of a device, not memory: only recorded */
};

/* The value of a new one. */
#define RECORD(memory, at, bytes, page_size) \
	(struct vfio_cdev_record){ \
		.iova = (at), \
		.va = (uintptr_t)(memory), \
		.pages_4k = (bytes) >> 12, \
		.page_shift = __builtin_ctzll(page_size), \
		.users = 1, \
	}

#define BASE_PAGE UINT64_C(4096)
#define VFIO_CDEV_MAX_LEN (UINT64_C(1) << (40 + 12))
#define VFIO_CDEV_MAX_USERS UINT16_MAX

/* 64 MiB: nobody minds that much, and fewer are not worth a sweep. */
#define VFIO_CDEV_SWEEP_FROM 16384

static inline uint64_t
record_len(const struct vfio_cdev_record *rec)
{
	return (uint64_t)rec->pages_4k << 12;
}

static inline uint64_t
record_last(const struct vfio_cdev_record *rec)
{
	return rec->iova + (record_len(rec) - 1);
}

/* Is it a mapping of this range, or of more around it? */
static inline bool
record_has(const struct vfio_cdev_record *rec, const void *va, uint64_t iova, uint64_t len)
{
	return rec->iova <= iova && iova + (len - 1) <= record_last(rec) &&
		rec->va - rec->iova == (uintptr_t)va - iova;
}

/* Of just this range? */
static inline bool
record_is(const struct vfio_cdev_record *rec, const void *va, uint64_t iova, uint64_t len)
{
	return rec->iova == iova && rec->va == (uintptr_t)va && record_len(rec) == len;
}

/*
 * IOVAs out of the way of physical addresses (at most 57 bits). For memory in
 * passing: whose address is not known yet, or in a mapping that is being split.
 * And for pages that are held. Each memory has its own, so that a leftover is in
 * nobody's way.
 */
#define VFIO_CDEV_SCRATCH_VA(va) ((uint64_t)(uintptr_t)(va) ^ (UINT64_C(1) << 62))
#define VFIO_CDEV_SCRATCH_IOVA(iova) ((uint64_t)(iova) ^ (UINT64_C(1) << 61))
#define VFIO_CDEV_HELD_VA(va) ((uint64_t)(uintptr_t)(va) ^ (UINT64_C(1) << 60))

/* vfio_cdev_domain.c */

/* What the thread spends until it unlocks is counted. */
void
domain_lock(struct rte_vfio_cdev_domain *domain);

/* And what it has spent since it had spent so much. */
void
domain_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before);

void
domain_unlock(struct rte_vfio_cdev_domain *domain);

/* And count an error as one. Returns it. */
int
domain_unlock_with(struct rte_vfio_cdev_domain *domain, int ret);

/* vfio_cdev_node.c: NUMA nodes of physical memory. */

struct node_range {
	uint64_t start;
	uint64_t last;
	unsigned int node;
};

/* Learn which node has which memory: 0 or -ENOMEM. */
int
nodes_read(struct rte_vfio_cdev_domain *domain);

/* Count bytes at a physical address, or at an IOVA that says nothing of it, in or out. */
void
nodes_count(struct rte_vfio_cdev_domain *domain, uint64_t phys, uint64_t len, bool in);

/* vfio_cdev_record.c: the tree, ordered by IOVA, without overlaps. */

/* Any record that overlaps [iova, iova + len), or NULL. */
struct vfio_cdev_record *
record_find(void *const *tree, uint64_t iova, uint64_t len);

/* The lowest record that ends at iova or above, or NULL. */
struct vfio_cdev_record *
record_next(void *const *tree, uint64_t iova);

/* The one that follows, or NULL. */
struct vfio_cdev_record *
record_after(void *const *tree, const struct vfio_cdev_record *rec);

/* Put a copy into the tree, where nothing overlaps it; NULL without memory. */
struct vfio_cdev_record *
record_add(void **tree, const struct vfio_cdev_record *value);

/* Take out one that is in the tree and free it. */
void
record_remove(void **tree, struct vfio_cdev_record *rec);

/* Free all of them. */
void
record_remove_all(void **tree);

/* End rec before the IOVA at, and let a new one have the rest: 0 or -ENOMEM. */
int
record_split(void **tree, struct vfio_cdev_record *rec, uint64_t at);

/* Undo that. */
void
record_join(void **tree, struct vfio_cdev_record *rec);

/*
 * vfio_cdev_map.c. The lock is held; what fails is logged, except by the checks
 * and by mapping_unmap().
 */

int
range_check(const void *va, uint64_t iova, uint64_t len);

int
page_size_check(const void *va, uint64_t len, uint64_t page_size);

/*
 * Ask for the address of each page that is mapped at an IOVA, and count them if
 * all are where they should be, from phys on.
 */
int
pages_verify(struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t phys, uint64_t len,
	     uint64_t page_size);

/* Unmap in the kernel what cannot stay; the log is all that hears of an error. */
void
range_undo(const struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t len);

/* Pin, verify and count what a record says; that of a BAR is marked as one. */
int
mapping_map(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Unpin and uncount it, whoever its users are. */
int
mapping_unmap(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec);

/* Count a mapping that is pinned and verified, except for its verified pages. */
void
mapping_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec);

/* Count a user more of a mapping that is this very one. */
int
mapping_share(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec, const void *va,
	      uint64_t iova, uint64_t len);

/* vfio_cdev_unmap.c: drop a user of each mapping of this memory that is in the range as a whole. */
int
range_drop(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len);

/* vfio_cdev_page.c: pin a page (of len bytes) at an IOVA and ask where it is; or nothing. */
int
page_ask(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	 uint64_t *phys);

/* What finds the address of a page, and that of a byte in it; takes the lock. */
typedef int (*page_ask_t)(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys);

int
byte_ask(struct rte_vfio_cdev_domain *domain, const void *va, page_ask_t ask, uint64_t *phys);

/* Unmap memory at its scratch IOVA. */
int
scratch_unmap(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* Can the kernel say where memory is? 0 or -errno, logged. */
int
domain_can_tell(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* Log what went wrong with memory. */
int
memory_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step, int err,
	    const void *va, uint64_t len);

/* vfio_cdev_hold.c: let go of the held pages of memory that is pinned otherwise now. */
void
held_release(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* vfio_cdev_bar.c: does the range lie in one BAR of a PCI device? */
bool
bar_has(const struct rte_vfio_cdev_ctx *ctx, uint64_t iova, uint64_t len);

/*
 * vfio_cdev_range.c: the IOVAs that the devices' IOMMUs translate. The lock is
 * held.
 */

/* Read them anew. */
int
ranges_read(struct rte_vfio_cdev_domain *domain);

void
ranges_forget(struct rte_vfio_cdev_domain *domain);

/* Can memory be mapped there? 0, or -ERANGE, which is logged with the range that cannot. */
int
range_usable(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
	     uint64_t len);

/* Log which memory is in the way of a bound device. */
void
ranges_explain(const struct rte_vfio_cdev_domain *domain, int cdev);

/* vfio_cdev_hwpt.c */

/* Attach a bound device, with the lock held; the first one has memory mapped that waits. */
int
domain_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id);

/* A device that was attached has been closed. */
void
domain_detached(struct rte_vfio_cdev_domain *domain);

/* vfio_cdev_device.c */

#define NODE_FORMAT "/dev/vfio/devices/%s"
#define NODE_LEN (sizeof(NODE_FORMAT) + RTE_VFIO_CDEV_NAME_LEN)

/* One that is not open yet, or NULL without memory. */
struct rte_vfio_cdev_device *
device_new(const struct rte_vfio_cdev_ctx *ctx, struct rte_vfio_cdev_domain *domain,
	   const struct rte_vfio_cdev_info *info);

/* Open a cdev and bind it to the domain's iommufd. Logs what fails. */
int
cdev_bind(const struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
	  const char *node, const void *token, int *fd, uint32_t *dev_id);

/* vfio_cdev_ctx.c */

int
ctx_create(const struct iommufd_sys *sys, const char *sysfs, rte_vfio_cdev_log_t log,
	   void *log_arg, struct rte_vfio_cdev_ctx **ctx);

void
ctx_log(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Log "what: step subject: cause; advice" and return err. Takes -errno as it
 * comes, so that a caller can write "return ctx_fail(...)".
 */
int
ctx_fail(const struct rte_vfio_cdev_ctx *ctx, const char *what, enum rte_vfio_cdev_step step,
	 int err, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* vfio_cdev_find.c */

bool
name_parse(const char *name, enum rte_vfio_cdev_mode *mode);

/* Read an attribute with a device number; -EBADMSG if it is something else. */
int
dev_attr_read(int dir, const char *path, unsigned int *major, unsigned int *minor);

/* vfio_cdev_holder.c */

#define HOLDERS_LEN 112

/*
 * Who is in the way of a BIND that failed with err, as a part of a sentence; ""
 * if that is nobody, or nobody that this process may know of.
 */
void
holders_tell(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info, int err,
	     char text[HOLDERS_LEN]);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_PRIVATE_H */
