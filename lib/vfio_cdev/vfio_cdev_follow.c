/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A page of a shared file that is unmapped at one address may still be mapped at another
 * one: DPDK's --legacy-mem reads the addresses of its hugepages before it maps them where
 * they stay. The kernel has no function that finds the mappings of a page, and pagemap does
 * not tell, since the other mapping may not have been accessed yet. So the process's shared
 * files are listed (PROCMAP_QUERY, Linux >= 6.11):
 *
 *	index ---- hash table of shared mappings, by file
 *
 * It is made anew only after more was mapped. What it lists may be unmapped again, and is
 * looked at before it is used. Memory of the table comes from mmap(2), since an allocator's
 * lock may be held. If there is none, or more is mapped meanwhile, the kernel is queried for
 * each page.
 */

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "vfio_cdev_follow.h"
#include "vfio_cdev_maps.h"
#include "vfio_cdev_monitor.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"

#define LEAST_SLOTS 64

static atomic_ulong changes; /* maps of shared files */

/* Guarded by the monitor's lock. A slot with end 0 is empty; half of them are. */
static struct {
	struct iommufd_vma *slots;
	size_t count; /* a power of two */
	unsigned long changes;
} list;

void
vfio_cdev_monitor_shared(void)
{
	atomic_fetch_add_explicit(&changes, 1, memory_order_relaxed);
}

static void
list_free(void)
{
	if (list.slots != NULL)
		munmap(list.slots, list.count * sizeof(*list.slots));
	list.slots = NULL;
}

static size_t
slot_of(const struct iommufd_vma *vma)
{
	return (vma->inode * UINT64_C(0x9e3779b97f4a7c15) ^ vma->dev) >> 7 & (list.count - 1);
}

static void
list_add(const struct iommufd_vma *vma)
{
	size_t i = slot_of(vma);

	while (list.slots[i].end != 0)
		i = (i + 1) & (list.count - 1);
	list.slots[i] = *vma;
}

/* The next one after *vma: 0, or -ENOENT. */
static int
mapping_next(const struct iommufd_sys *sys, int maps, struct iommufd_vma *vma)
{
	return iommufd_vma_find(sys, maps, vma->end, IOMMUFD_VMA_NEXT_SHARED_FILE, vma);
}

/* Count all of them, or add them to the list. false: not all were seen. */
static bool
mappings_walk(const struct iommufd_sys *sys, int maps, bool add, size_t *count)
{
	struct iommufd_vma vma = { 0 };
	int ret;

	*count = 0;
	while ((ret = mapping_next(sys, maps, &vma)) == 0) {
		/* More may have been mapped meanwhile. */
		if (++*count > list.count / 2 && add)
			return false;
		if (add)
			list_add(&vma);
	}
	return ret == -ENOENT;
}

static bool
list_fill(const struct iommufd_sys *sys, int maps)
{
	size_t count;

	if (!mappings_walk(sys, maps, false, &count))
		return false;
	for (list.count = LEAST_SLOTS; list.count < 2 * count + LEAST_SLOTS; list.count *= 2)
		;
	list.slots = mmap(NULL, list.count * sizeof(*list.slots), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (list.slots == MAP_FAILED) {
		list.slots = NULL;
		return false;
	}
	return mappings_walk(sys, maps, true, &count);
}

static bool
list_make(const struct iommufd_sys *sys, int maps)
{
	const unsigned long now = atomic_load(&changes);

	if (list.slots != NULL && list.changes == now)
		return true;
	list_free();
	list.changes = now;
	if (list_fill(sys, maps))
		return true;
	list_free();
	return false;
}

/* What is searched for: a page of a file, outside of the memory that is unmapped. */
struct search {
	const struct iommufd_sys *sys;
	int maps;
	struct iommufd_vma vma; /* that has the page now */
	uint64_t offset;	/* of the page in the file */
	uint64_t len;
	uint64_t start, last; /* of the memory that is unmapped */
};

/* Does this memory have the page, at *va? */
static bool
vma_has(const struct search *search, const struct iommufd_vma *vma, uint64_t *va)
{
	if (vma->dev != search->vma.dev || vma->inode != search->vma.inode ||
	    vma->page_size != search->vma.page_size || search->offset < vma->offset ||
	    search->offset - vma->offset + search->len > vma->end - vma->start)
		return false;
	*va = vma->start + (search->offset - vma->offset);
	return *va > search->last || *va + (search->len - 1) < search->start;
}

static bool
list_search(const struct search *search, uint64_t *va)
{
	struct iommufd_vma now;
	uint64_t same;

	for (size_t i = slot_of(&search->vma); list.slots[i].end != 0;
	     i = (i + 1) & (list.count - 1))
		if (vma_has(search, &list.slots[i], va) &&
		    iommufd_vma_find(search->sys, search->maps, *va, IOMMUFD_VMA_AT, &now) == 0 &&
		    vma_has(search, &now, &same) && same == *va)
			return true;
	return false;
}

/* Without a list. */
static bool
kernel_search(const struct search *search, uint64_t *va)
{
	struct iommufd_vma vma = { 0 };

	while (mapping_next(search->sys, search->maps, &vma) == 0)
		if (vma_has(search, &vma, va))
			return true;
	return false;
}

static bool
elsewhere_find(struct search *search, const struct vfio_cdev_record *rec, uint64_t *va)
{
	if (iommufd_vma_find(search->sys, search->maps, rec->va, IOMMUFD_VMA_AT, &search->vma) <
		    0 ||
	    !search->vma.shared_file)
		return false;
	search->offset = search->vma.offset + (rec->va - search->vma.start);
	search->len = vfio_cdev_record_len(rec);
	return list_make(search->sys, search->maps) ? list_search(search, va) :
						      kernel_search(search, va);
}

/* One that has a pin of the same page there already needs no other. */
static void
record_move(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec, uint64_t va)
{
	struct vfio_cdev_record *there = vfio_cdev_provisional_next(domain, NULL, va, 1);

	if (there != NULL && there->phys == rec->phys)
		return;
	if (there != NULL)
		vfio_cdev_provisional_drop(domain, there, true);
	vfio_cdev_record_remove(domain, rec);
	rec->va = va;
	rec->left = NULL;
	rec->right = NULL;
	vfio_cdev_record_add(domain, rec);
}

void
vfio_cdev_follow(struct rte_vfio_cdev_domain *domain, uintptr_t start, uint64_t len)
{
	struct search search = {
		.sys = domain->ctx->sys,
		.start = start,
		.last = start + (len - 1),
	};
	struct vfio_cdev_record *rec, *next;
	uint64_t va;

	rec = vfio_cdev_provisional_next(domain, NULL, start, len);
	if (rec == NULL || domain->keep_provisional)
		return;
	search.maps = vfio_cdev_maps_get(domain);
	for (; rec != NULL && search.maps >= 0; rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, start, len);
		if (elsewhere_find(&search, rec, &va))
			record_move(domain, rec, va);
	}
}

uint64_t
vfio_cdev_segment_len(struct rte_vfio_cdev_domain *domain, const void *va)
{
	const struct iommufd_sys *sys = domain->ctx->sys;
	const int maps = vfio_cdev_maps_get(domain);
	struct iommufd_vma first, next;
	uint64_t end = (uintptr_t)va;

	if (maps < 0 || iommufd_vma_find(sys, maps, end, IOMMUFD_VMA_AT, &first) < 0)
		return 0;
	next = first;
	while (next.shared_file && next.dev == first.dev && next.inode == first.inode &&
	       next.offset - first.offset == next.start - first.start) {
		end = next.end;
		if (iommufd_vma_find(sys, maps, end, IOMMUFD_VMA_AT, &next) < 0)
			break;
	}
	return end - (uintptr_t)va;
}
