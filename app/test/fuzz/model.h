/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The reference model of a domain without an IOMMU: a list of pins over a small memory, with
 * the rules of rte_vfio_cdev_memory.h and nothing else. It is slow, and of one thread.
 *
 *	memory[] ---- where each page is now, or that it is absent
 *	pins[] ------ mappings, provisional pins, and kept ones (orphans): each with the frames
 *	              that the kernel must keep in place for it
 *
 * Each function does what the library's of the same name must do, and returns what that must
 * return; MODEL_ANY where the documentation leaves the choice open: then the step is not made. A
 * choice between mappings that are alike in all is none, and those of a rte_vfio_cdev_pin are in
 * no choice, since they are its own.
 */

#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

/* The memory: base pages, and above them hugepages of HUGE_PAGES base pages each. */
#define MODEL_PAGES 24
#define MODEL_HUGE_FROM 12
#define MODEL_HUGE_PAGES 4
#define MODEL_ABSENT UINT64_MAX
#define MODEL_PINS 48
#define MODEL_ANY 1 /* no -errno */

enum model_kind {
	MODEL_FREE,
	MODEL_MAPPING,
	MODEL_PROVISIONAL,
	MODEL_ORPHAN,
};

struct model_pin {
	enum model_kind kind;
	unsigned int first; /* page of the memory, as the domain sees it */
	unsigned int count;
	unsigned int page; /* base pages in each of its pages */
	unsigned int users;
	bool any;      /* no address was given */
	bool pinned;   /* else it is pending */
	bool is_short; /* io_uring pins a hugepage by its first base page */
	uint64_t phys; /* that was given for the first page, or was found; if any: perhaps ANY */
	unsigned int origin; /* where it was pinned: memory may have been moved since */
	unsigned int owner;  /* the number of the rte_vfio_cdev_pin that has made it, or 0 */
	uint64_t frame[MODEL_PAGES];
};

struct model {
	bool confirms; /* false: io_uring pins, and pagemap has addresses */
	bool ready;
	bool keep;
	unsigned int devices;
	bool unmap_fails;   /* the kernel does, the first time */
	unsigned int fault; /* this pin is to fail (1: the next one), with EIO; 0: none */
	uint64_t page_size;
	uint64_t memory[MODEL_PAGES];
	struct model_pin pins[MODEL_PINS];
};

/* What a caller wants to be mapped. */
struct model_span {
	unsigned int first;
	unsigned int count;
	unsigned int page;
	uint64_t iova; /* or RTE_VFIO_CDEV_IOVA_ANY */
};

/* Is there room for the most pins that one step may make? */
bool
model_has_room(const struct model *model);

unsigned int
model_page_at(unsigned int page);

int
model_map(struct model *model, const struct model_span *span);

int
model_plan(struct model *model, const struct model_span *span);

int
model_unmap(struct model *model, const struct model_span *span);

int
model_lookup(const struct model *model, const struct model_span *span);

/* Pin pending ones: a device was attached, or the domain was started. */
int
model_settle(struct model *model);

int
model_pin_page(struct model *model, unsigned int first, unsigned int page);

int
model_pin(struct model *model, const struct model_span *span, unsigned int owner);

void
model_release(struct model *model, unsigned int owner);

int
model_provide(struct model *model, unsigned int page);

int
model_expect(struct model *model, unsigned int page, uint64_t phys);

void
model_keep(struct model *model, bool on);

void
model_sweep(struct model *model);

/* Memory was unmapped and the hooks have seen it; or moved. */
void
model_gone(struct model *model, unsigned int first, unsigned int count);

void
model_moved(struct model *model, unsigned int from, unsigned int to, unsigned int count);

#endif /* MODEL_H */
