/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Where a page is: by the EAL (dump_physmem), by the backend's records and the kernel's
 * IOAS (/vfio_cdev/mappings), and by /proc/<pid>/pagemap.
 */

#ifndef APP_TEST_ADDRESSES_H
#define APP_TEST_ADDRESSES_H

#include "domains.h"
#include "testpmd.h"

/* A segment of the EAL's memory: one page. */
struct segment {
	uint64_t va;
	uint64_t iova;
	uint64_t length;
};

struct segments {
	struct segment *list;
	unsigned int count;
};

/* A mapping of the backend, or its rest from a page on. */
struct mapping {
	uint64_t va;
	uint64_t iova;
	uint64_t length;
	uint64_t page_size;
	uint64_t kernel;      /* address of the first page now, if reported */
	uint64_t kernel_last; /* of the last one */
	bool has_kernel;      /* not where an IOMMU translates */
	bool pinned;	      /* not the registers of a device, nor waiting for one */
	char error[64];	      /* why the kernel does not report it, or "" */
};

struct mappings {
	struct mapping *list;
	unsigned int count;
};

/* Take the segments out of what dump_physmem printed. 0, -EBADMSG, -ENOMEM. */
int
segments_parse(const char *text, struct segments *segments);

void
segments_free(struct segments *segments);

/* One member of "mappings". 0, or -EBADMSG. */
int
mapping_parse(const json_t *object, struct mapping *mapping);

/* All that testpmd has in a domain. */
enum verdict
mappings_read(struct program *program, const struct domain *domain, struct mappings *mappings,
	      struct result *result);

void
mappings_free(struct mappings *mappings);

/* The mapping that has the address, or NULL. */
const struct mapping *
mappings_find(const struct mappings *mappings, uint64_t va);

/* VERDICT_FAIL if a source has another address for the page than the IOAS. */
enum verdict
page_check(uint64_t va, uint64_t iova, uint64_t address, const char *source, struct result *result);

/* Is the EAL's segment mapped, pinned, and where the EAL thinks? Else VERDICT_FAIL. */
enum verdict
segment_check(const struct segment *segment, const struct mappings *mappings,
	      struct result *result);

/*
 * What is wrong with the kernel's answers? Returns VERDICT_PASS if nothing is. Without an
 * IOMMU there must be an answer.
 */
enum verdict
mapping_check(const struct mapping *mapping, bool noiommu, struct result *result);

/* Address of a page out of its word in pagemap; 0: not shown. */
uint64_t
pagemap_address(uint64_t word, uint64_t va);

#endif /* APP_TEST_ADDRESSES_H */
