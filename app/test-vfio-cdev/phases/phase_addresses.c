/* SPDX-License-Identifier: BSD-3-Clause */

/* Every mapped page has the same address in the EAL, the IOAS and pagemap, and is pinned. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addresses.h"
#include "phase.h"

struct counts {
	uint64_t segments; /* of the EAL */
	uint64_t pages;	   /* mapped */
	uint64_t bytes;
	uint64_t kernel;  /* pages that the kernel was queried for */
	uint64_t pagemap; /* pages that pagemap shows */
};

/* One page by pagemap, which an IOMMU has nothing to do with. */
static enum verdict
addresses_pagemap(int pagemap, const struct mapping *mapping, uint64_t offset,
		  struct counts *counts, struct result *result)
{
	uint64_t word, address, va = mapping->va + offset;
	off_t where = (off_t)(va / (uint64_t)sysconf(_SC_PAGESIZE) * sizeof(word));

	if (pagemap < 0 || !mapping->has_kernel ||
	    pread(pagemap, &word, sizeof(word), where) != sizeof(word))
		return VERDICT_PASS;
	address = pagemap_address(word, va);
	if (address == 0)
		return VERDICT_PASS;
	counts->pagemap++;
	return page_check(va, mapping->iova + offset, address, "pagemap", result);
}

static enum verdict
addresses_mapping(const struct mapping *mapping, bool noiommu, int pagemap, struct counts *counts,
		  struct result *result)
{
	enum verdict verdict = mapping_check(mapping, noiommu, result);

	for (uint64_t offset = 0; offset < mapping->length && verdict == VERDICT_PASS;
	     offset += mapping->page_size) {
		verdict = addresses_pagemap(pagemap, mapping, offset, counts, result);
		counts->pages++;
	}
	counts->kernel += mapping->has_kernel ? (mapping->length > mapping->page_size) + 1 : 0;
	counts->bytes += mapping->length;
	return verdict;
}

static enum verdict
addresses_compare(const struct program *program, const struct segments *segments, bool noiommu,
		  const struct mappings *mappings, struct counts *counts, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	char path[64];
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", program_pid(program));
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	for (unsigned int i = 0; i < segments->count && verdict == VERDICT_PASS; i++)
		verdict = segment_check(&segments->list[i], mappings, result);
	counts->segments = segments->count;
	for (unsigned int i = 0; i < mappings->count && verdict == VERDICT_PASS; i++)
		if (mappings->list[i].pinned)
			verdict = addresses_mapping(&mappings->list[i], noiommu, pagemap, counts,
						    result);
	if (pagemap >= 0)
		close(pagemap);
	return verdict;
}

static enum verdict
addresses_segments(struct program *program, struct segments *segments, struct result *result)
{
	enum verdict verdict;
	char *text;
	int ret;

	verdict = testpmd_do(program, result, &text, "dump_physmem");
	/* As it is called from 25.11 on: app/test-pmd/cmdline.c. */
	if (verdict == VERDICT_ERROR)
		verdict = testpmd_do(program, result, &text, "dump physmem");
	if (verdict != VERDICT_PASS)
		return verdict;
	ret = segments_parse(text, segments);
	free(text);
	return ret == 0 ? VERDICT_PASS :
			  result_error(result, "testpmd's dump of its memory: %s", strerror(-ret));
}

/* All of the EAL's memory is in each domain that has a device. */
static enum verdict
addresses_domain(struct program *program, const struct domain *domain,
		 const struct segments *segments, struct counts *counts, struct result *result)
{
	struct mappings mappings;
	enum verdict verdict;

	verdict = mappings_read(program, domain, &mappings, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = addresses_compare(program, segments, domain->noiommu, &mappings, counts, result);
	mappings_free(&mappings);
	return verdict;
}

static enum verdict
addresses_of(struct program *program, struct counts *counts, struct result *result)
{
	struct proc_memory memory;
	struct segments segments;
	struct domains domains;
	enum verdict verdict;

	verdict = addresses_segments(program, &segments, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = domains_read(program, &domains, result);
	for (unsigned int i = 0; verdict == VERDICT_PASS && i < domains.count; i++)
		verdict = addresses_domain(program, &domains.list[i], &segments, counts, result);
	segments_free(&segments);
	return verdict != VERDICT_PASS ? verdict : domains_check_pins(program, &memory, result);
}

enum verdict
phase_addresses(struct run *run, struct result *result)
{
	const struct program_spec spec = { 0 };
	struct counts counts = { 0 };
	struct program *program;
	enum verdict verdict;

	progress_step(&run->progress, "starting testpmd");
	verdict = testpmd_start(run, &spec, result, &program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = addresses_of(program, &counts, result);
	program_free(program);
	if (verdict != VERDICT_PASS)
		return verdict;
	result_detail(result, "eal_pages", json_integer((json_int_t)counts.segments));
	result_detail(result, "mapped_pages", json_integer((json_int_t)counts.pages));
	result_detail(result, "mapped_bytes", json_integer((json_int_t)counts.bytes));
	result_detail(result, "kernel_queries", json_integer((json_int_t)counts.kernel));
	result_detail(result, "found_in_pagemap", json_integer((json_int_t)counts.pagemap));
	return result_pass(result,
			   "%" PRIu64 " pages, %" PRIu64 " MiB; kernel queried for %" PRIu64
			   ", pagemap has %" PRIu64,
			   counts.pages, counts.bytes >> 20, counts.kernel, counts.pagemap);
}
