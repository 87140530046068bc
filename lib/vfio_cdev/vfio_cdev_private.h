/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of librte_vfio_cdev share. A file calls only files of lines
 * below its own:
 *
 *	domain, device
 *	attach, pin, map, page, list
 *	unmap
 *	monitor, openers
 *	provisional
 *	mapping
 *	ioas, range, numa, lock | find, walk, bar, share
 *	ctx, mode
 *	tree, advice
 *
 * Locks, in the order they are taken: the monitor's, a domain's attach_lock, its
 * lock (vfio_cdev_lock.c). The last guards its HWPT, its device count, its
 * records and its counters, and is held over the ioctls that change them, so
 * that the records never disagree with the kernel; but not over BIND, which
 * resets a device. A ctx is constant after its creation, but for its level; a device
 * after it was opened.
 */

#ifndef VFIO_CDEV_PRIVATE_H
#define VFIO_CDEV_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

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
	int level;			/* the last one that is logged; atomic */
};

/*
 * One mapping. Without an IOMMU several may have the same memory, and each has
 * an area of its own in the kernel.
 */
struct vfio_cdev_record {
	struct vfio_cdev_record *left, *right;
	uint64_t end;		/* the greatest last byte at or below it in the tree */
	uint64_t va;
	uint64_t iova;		/* without an IOMMU any, once it is pinned: iova_new() */
	uint64_t phys;		/* without one: of the first page, stated or found; or ANY */
	uint64_t pages_4k : 38;
	uint64_t page_shift : 6;
	uint64_t users : 16;
	uint64_t pinned : 1;	/* else it waits */
	uint64_t any : 1;	/* no address was stated: its pages may be anywhere */
	uint64_t bar : 1;	/* of a device, not memory: only recorded */
	uint64_t provisional : 1;	/* there because its address was told */
	uint32_t priority;	/* the tree's */
	uint32_t attempt;	/* the settling that has pinned it; 0: somebody relies on it */
};

/* The value of a new one. */
#define VFIO_CDEV_RECORD(memory, at, bytes, page_size) \
	(struct vfio_cdev_record){ \
		.va = (uintptr_t)(memory), \
		.iova = (at), \
		.phys = (at), \
		.pages_4k = (bytes) >> 12, \
		.page_shift = (unsigned int)__builtin_ctzll(page_size), \
		.users = 1, \
		.any = (at) == RTE_VFIO_CDEV_IOVA_ANY, \
	}

#define VFIO_CDEV_PAGE UINT64_C(4096)
#define VFIO_CDEV_MAX_LEN (UINT64_C(1) << (38 + 12))
#define VFIO_CDEV_MAX_USERS UINT16_MAX

/* Larger mappings are made in pieces that end at multiples of it. */
#define VFIO_CDEV_PIECE_SHIFT 30
#define VFIO_CDEV_PIECE (UINT64_C(1) << VFIO_CDEV_PIECE_SHIFT)

/* Nobody minds that much, and less is not worth a sweep. */
#define VFIO_CDEV_SWEEP_FROM (UINT64_C(64) << 20)

static inline uint64_t
vfio_cdev_record_len(const struct vfio_cdev_record *rec)
{
	return (uint64_t)rec->pages_4k << 12;
}

static inline void *
vfio_cdev_record_va(const struct vfio_cdev_record *rec)
{
	return (void *)(uintptr_t)rec->va;
}

/* vfio_cdev_tree.c: records in the order of their keys, which may overlap. */

struct vfio_cdev_tree {
	struct vfio_cdev_record *root;
	uint64_t (*key)(const struct vfio_cdev_record *rec);
	uint32_t random;
};

void
vfio_cdev_tree_add(struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec);

/* Take out one that is in the tree. */
void
vfio_cdev_tree_remove(struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec);

/*
 * The first record after another (NULL: of all) whose key is most at most, and
 * that does not end below least; or NULL. With the last and the first byte of a
 * range that is the next one that overlaps it, with the first and the last byte
 * the next one around it.
 */
struct vfio_cdev_record *
vfio_cdev_tree_next(const struct vfio_cdev_tree *tree, const struct vfio_cdev_record *after,
		    uint64_t most, uint64_t least);

/* vfio_cdev_mode.c: in what the modes differ. */
struct vfio_cdev_mode {
	const char *prefix;	/* of the cdev's name */
	const char *text;
	/* what a mapping is known by: the memory, or where a device finds it */
	uint64_t (*key)(const struct vfio_cdev_record *rec);
	bool tells_pa;		/* IOVAs are names only; the kernel tells the addresses */
	bool own_hwpt;		/* ours, and stays; or one for each IOMMU, gone with its devices */
	bool takes_bars;	/* the registers of another device are reached at their address */
	bool splits;		/* nobody minds that a mapping gets other IOVAs */
};

/* By enum rte_vfio_cdev_mode. */
extern const struct vfio_cdev_mode vfio_cdev_modes[RTE_VFIO_CDEV_MODES];

/* The address space in the kernel: a domain's, which is all that uses it. */
struct vfio_cdev_ioas {
	const struct rte_vfio_cdev_ctx *ctx;
	int iommufd;			/* -1: not open */
	uint32_t id;
	uint64_t next_iova;		/* no area was ever above; see iova_new() */
	unsigned int users;		/* that bind a device, or were given the fd */
};

struct rte_vfio_cdev_domain {
	struct rte_vfio_cdev_ctx *ctx;
	const struct vfio_cdev_mode *mode;
	struct rte_vfio_cdev_domain *next_domain;	/* the monitor's */
	pid_t pid;			/* whose memory it has */
	pthread_mutex_t attach_lock;	/* one at a time gets a HWPT, attaches, settles */
	pthread_mutex_t next, lock;
	struct vfio_cdev_ioas ioas;
	uint32_t hwpt_id;		/* 0: none yet */
	bool ready;			/* new records are pinned at once */
	bool keep_provisional;			/* what was provisional goes to the orphans */
	uint32_t attempt;		/* number of the latest settling */
	struct vfio_cdev_tree tree;
	struct vfio_cdev_tree provisional;	/* by VA */
	uint64_t provisional_waiting;	/* of these, as stats.pending is of the others */
	struct vfio_cdev_record *orphans;	/* by their right: pins that have no memory left */
	struct vfio_cdev_record *dropped;	/* by their right: to be freed without a lock */
	uint64_t sweep_from;		/* VFIO_CDEV_SWEEP_FROM, or a test's */
	uint64_t sweep_at;		/* and not before so many bytes */
	struct ifd_iova_range *ranges;	/* what can be mapped; NULL: all */
	uint32_t range_count;
	struct vfio_cdev_numa_range *nodes;	/* where which NUMA node has memory */
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

/* Is it a mapping of just this memory? */
static inline bool
vfio_cdev_record_is(const struct vfio_cdev_record *rec, const void *va, uint64_t len)
{
	return rec->va == (uintptr_t)va && vfio_cdev_record_len(rec) == len;
}

/* vfio_cdev_lock.c */

/* How many of the library's locks the thread has: what it unmaps is not looked at then. */
extern __thread unsigned int vfio_cdev_busy;

/*
 * Is it inside a hook, which has the monitor's lock besides? An allocator may have called
 * that with a lock of its own: nothing is freed or logged there.
 */
static inline bool
vfio_cdev_is_hooked(void)
{
	return vfio_cdev_busy > 1;
}

/* What the thread spends until it unlocks is counted. Whoever waits is next. */
void
vfio_cdev_lock(struct rte_vfio_cdev_domain *domain);

/* And what it has spent since it had spent so much. */
void
vfio_cdev_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before);

void
vfio_cdev_unlock(struct rte_vfio_cdev_domain *domain);

/* And count an error as one. Returns it. */
int
vfio_cdev_unlock_with(struct rte_vfio_cdev_domain *domain, int ret);

/* Free records that are linked by their right. */
void
vfio_cdev_records_free(struct vfio_cdev_record *rec);

void
vfio_cdev_locks_init(struct rte_vfio_cdev_domain *domain);

/* vfio_cdev_numa.c: NUMA nodes of physical memory. */

struct vfio_cdev_numa_range {
	uint64_t start;
	uint64_t last;
	unsigned int node;
};

/* Learn which node has which memory: 0 or -ENOMEM. */
int
vfio_cdev_numa_read(struct rte_vfio_cdev_domain *domain);

/* Count bytes at a physical address, or at an IOVA that says nothing of it, in or out. */
void
vfio_cdev_numa_count(struct rte_vfio_cdev_domain *domain, uint64_t phys, uint64_t len, bool in);

/* vfio_cdev_ioas.c: nothing is logged, except when opening. */

/* Open /dev/iommu, once: 0 or -errno. With tells_pa the kernel has to know GET_PA. */
int
vfio_cdev_ioas_open(struct vfio_cdev_ioas *ioas, bool tells_pa);

void
vfio_cdev_ioas_close(struct vfio_cdev_ioas *ioas);

int
vfio_cdev_ioas_map(struct vfio_cdev_ioas *ioas, const void *va, uint64_t len,
		   uint64_t *iova);

int
vfio_cdev_ioas_copy(struct vfio_cdev_ioas *ioas, uint64_t from, uint64_t len, uint64_t *to);

int
vfio_cdev_ioas_unmap(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t len);

/* Unmap what cannot stay; the log is all that hears of an error. */
void
vfio_cdev_ioas_undo(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t len);

int
vfio_cdev_ioas_phys(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t *phys);

/* Called for memory that follows each other, off bytes from the start of an area. */
typedef int (*vfio_cdev_run_t)(void *arg, uint64_t off, uint64_t phys, uint64_t len);

/*
 * Ask where the pages of an area are, once per page; base pages as many as follow
 * each other. An error of the callback ends it.
 */
int
vfio_cdev_ioas_runs(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t len,
		    unsigned int page_shift, vfio_cdev_run_t run, void *arg);

int
vfio_cdev_ioas_hwpt(const struct vfio_cdev_ioas *ioas, uint32_t dev_id, uint32_t *hwpt_id);

int
vfio_cdev_ioas_destroy(const struct vfio_cdev_ioas *ioas, uint32_t hwpt_id);

int
vfio_cdev_ioas_bind(const struct vfio_cdev_ioas *ioas, int cdev, const void *token,
		    uint32_t *dev_id);

/* Attach a bound device, in ioas->id if pt_id is 0. */
int
vfio_cdev_ioas_attach(const struct vfio_cdev_ioas *ioas, int cdev, uint32_t pt_id);

/* The IOVAs that can be mapped, to be freed. */
int
vfio_cdev_ioas_ranges(const struct vfio_cdev_ioas *ioas, struct ifd_iova_range **ranges,
		      uint32_t *count);

/* The same of a bound device alone. */
int
vfio_cdev_ioas_ranges_of(const struct vfio_cdev_ioas *ioas, int cdev,
			 struct ifd_iova_range **ranges, uint32_t *count);

/* vfio_cdev_range.c: the IOVAs that the devices' IOMMUs translate. The lock is held. */

/* Read them anew. */
int
vfio_cdev_ranges_read(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_ranges_forget(struct rte_vfio_cdev_domain *domain);

/* Can memory be mapped there? 0, or -ERANGE, which is logged with the range that cannot. */
int
vfio_cdev_range_usable(const struct rte_vfio_cdev_domain *domain,
		       const struct vfio_cdev_record *rec);

/* Log which memory is in the way of a bound device. */
void
vfio_cdev_ranges_explain(const struct rte_vfio_cdev_domain *domain, int cdev);

/* vfio_cdev_bar.c: does the range lie in one BAR of a PCI device? */
bool
vfio_cdev_bar_has(const struct rte_vfio_cdev_ctx *ctx, uint64_t iova, uint64_t len);

/*
 * vfio_cdev_mapping.c: one record and its area. The lock is held; what fails is
 * logged, except by the checks and by unpin.
 */

/* Log what went wrong with memory. */
int
vfio_cdev_memory_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step,
		      int err, const void *va, uint64_t len);

int
vfio_cdev_range_check(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		      uint64_t len);

int
vfio_cdev_page_size_check(const void *va, uint64_t len, uint64_t page_size);

/* Can the kernel say where memory is? 0 or -errno, logged. */
int
vfio_cdev_can_tell(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* A copy in the heap, or NULL. */
struct vfio_cdev_record *
vfio_cdev_record_new(const struct vfio_cdev_record *value);

/* Log that a record has changed. */
void
vfio_cdev_mapping_log(const struct rte_vfio_cdev_domain *domain, const char *change,
		      const struct vfio_cdev_record *rec);

/* Put a record into its tree, or take it out. */
void
vfio_cdev_mapping_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

void
vfio_cdev_mapping_take(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* The next mapping that has memory pinned, and perhaps more around it; or NULL. */
struct vfio_cdev_record *
vfio_cdev_mapping_around(const struct rte_vfio_cdev_domain *domain,
			 const struct vfio_cdev_record *after, const void *va, uint64_t len);

/*
 * The mapping of just this memory, or NULL: with that address; with ANY, with whatever
 * address.
 */
struct vfio_cdev_record *
vfio_cdev_mapping_find(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		       uint64_t len);

/*
 * Pin, verify and count what a record says that is in no tree yet, or waits in one;
 * that of a BAR is marked as one. run, unless NULL, is told where the memory is.
 */
int
vfio_cdev_mapping_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		      vfio_cdev_run_t run, void *arg);

/* Unpin and uncount it: it waits then. */
int
vfio_cdev_mapping_unpin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Count a pinned record, or a part of one, in or out. */
void
vfio_cdev_mapping_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
			bool in);

/*
 * Is the memory at the VA still what is mapped, and where it is stated to be? It may
 * have been freed under the mapping, which keeps the old pages, and other memory be
 * there now.
 */
int
vfio_cdev_mapping_confirm(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
			  uint64_t stated);

/* Where the page of pinned memory is that is off bytes from its start. Not logged. */
int
vfio_cdev_mapping_phys(const struct rte_vfio_cdev_domain *domain,
		       const struct vfio_cdev_record *rec, uint64_t off, uint64_t *phys);

/* Where what is at a VA now is, at this moment. Not logged. */
int
vfio_cdev_page_phys(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys);

/*
 * vfio_cdev_provisional.c: memory that is there only because its address was told.
 * The lock is held.
 */

/* How many there are in the process; 0: nobody need be told what happens to memory. */
unsigned int
vfio_cdev_provisional_count(void);

/* Let go of one: its memory is gone, or an ordinary mapping has taken its place. */
void
vfio_cdev_provisional_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
			   bool gone);

/* And of those in memory that is pinned otherwise now. */
void
vfio_cdev_provisional_replace(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* The next one that overlaps memory, or NULL. */
struct vfio_cdev_record *
vfio_cdev_provisional_next(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *after, uintptr_t va, uint64_t len);

/* Has its memory gone, as far as can be told without pinning it? */
bool
vfio_cdev_provisional_is_gone(const struct rte_vfio_cdev_domain *domain,
			      const struct vfio_cdev_record *rec);

/* Is nothing mapped at a VA? Then EFAULT means just that. */
bool
vfio_cdev_provisional_is_unmapped(const struct rte_vfio_cdev_domain *domain, const void *va);

/*
 * Let go of those in a range (len 0: everywhere) whose memory has gone; with compare, which
 * takes ioctls, or been replaced. Takes the lock, several times if they are many.
 */
void
vfio_cdev_provisional_recheck(struct rte_vfio_cdev_domain *domain, uintptr_t va, uint64_t len,
			      bool compare);

/* Unpin what has no memory left. */
void
vfio_cdev_provisional_free_orphans(struct rte_vfio_cdev_domain *domain);

/* Free all of them; the kernel unpins what it has with the iommufd. */
void
vfio_cdev_provisional_forget(struct rte_vfio_cdev_domain *domain);

/* vfio_cdev_monitor.c: which domains there are. */
void
vfio_cdev_monitor_add(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_monitor_remove(struct rte_vfio_cdev_domain *domain);

/* In a child: whoever had the lock stayed in the parent, and the memory is the child's. */
void
vfio_cdev_monitor_forked(struct rte_vfio_cdev_domain *domain);

/* vfio_cdev_map.c */

/* How long the piece is that begins off bytes after the start, the key, of a range. */
uint64_t
vfio_cdev_piece(uint64_t key, uint64_t off, uint64_t len, uint64_t page_size);

/* The address of what is off bytes on. */
static inline uint64_t
vfio_cdev_iova_at(uint64_t iova, uint64_t off)
{
	return iova != RTE_VFIO_CDEV_IOVA_ANY ? iova + off : iova;
}

/* Pin a new record, or let it wait for a HWPT. Frees it on error. */
int
vfio_cdev_record_map(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *value,
		     vfio_cdev_run_t run, void *arg);

/* Pin an ordinary one that waits, in a domain that is ready. */
int
vfio_cdev_record_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/*
 * All of a range is pinned, if the domain is ready: it takes the place of what was told,
 * which has to stay pinned until nothing can fail any more. Takes the lock.
 */
void
vfio_cdev_pieces_end(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* The page size that says into which pieces a range was mapped. The lock is held. */
uint64_t
vfio_cdev_pieces_page(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova);

/* Is each piece of a range mapped, just so? The lock is held. */
bool
vfio_cdev_pieces_are(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		     uint64_t len);

/* vfio_cdev_unmap.c: drop a user of a mapping, with the lock held. */
int
vfio_cdev_mapping_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* vfio_cdev_attach.c: each takes the locks that it needs. */

/* Attach a bound device; the first one has memory pinned that waits. */
int
vfio_cdev_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id);

/* Only give the domain a HWPT by it, or by none if there is one, and pin what waits. */
int
vfio_cdev_make_ready(struct rte_vfio_cdev_domain *domain, uint32_t dev_id);

/* Close one that was attached, or that could not be. */
void
vfio_cdev_detach(struct rte_vfio_cdev_domain *domain, int cdev, bool attached);

/* vfio_cdev_domain.c */

/* Keep /dev/iommu open, until one leaves: 0, or -errno, logged. */
int
vfio_cdev_iommufd_use(struct rte_vfio_cdev_domain *domain);

/* The last one closes it, unless a device or its HWPT is there. */
void
vfio_cdev_iommufd_leave(struct rte_vfio_cdev_domain *domain);

/* vfio_cdev_device.c */

#define VFIO_CDEV_NODE_FORMAT "/dev/vfio/devices/%s"
#define VFIO_CDEV_NODE_LEN (sizeof(VFIO_CDEV_NODE_FORMAT) + RTE_VFIO_CDEV_NAME_LEN)

/* One that is not open yet, or NULL without memory. */
struct rte_vfio_cdev_device *
vfio_cdev_device_new(const struct rte_vfio_cdev_ctx *ctx, struct rte_vfio_cdev_domain *domain,
		     const struct rte_vfio_cdev_info *info);

/* vfio_cdev_ctx.c */

int
vfio_cdev_ctx_create(const struct iommufd_sys *sys, const char *sysfs, rte_vfio_cdev_log_t log,
		     void *log_arg, struct rte_vfio_cdev_ctx **ctx);

void
vfio_cdev_log(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level,
	      const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Log "what: step subject: cause; advice" and return err. Takes -errno as it
 * comes, so that a caller can write "return vfio_cdev_fail(...)".
 */
int
vfio_cdev_fail(const struct rte_vfio_cdev_ctx *ctx, const char *what,
	       enum rte_vfio_cdev_step step, int err, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* vfio_cdev_find.c */

bool
vfio_cdev_name_parse(const char *name, enum rte_vfio_cdev_mode *mode);

/* Read an attribute with a device number; -EBADMSG if it is something else. */
int
vfio_cdev_attr_read_dev(int dir, const char *path, unsigned int *major, unsigned int *minor);

/* vfio_cdev_openers.c */

#define VFIO_CDEV_OPENERS 112

/*
 * Who is in the way of a BIND that failed with err, as a part of a sentence; ""
 * if that is nobody, or nobody that this process may know of.
 */
void
vfio_cdev_openers_tell(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int err, char text[VFIO_CDEV_OPENERS]);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_PRIVATE_H */
