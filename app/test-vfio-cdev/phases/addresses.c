/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_PFN ((UINT64_C(1) << 55) - 1) /* Documentation/admin-guide/mm/pagemap.rst */
#define MAPPINGS_MOST (1u << 22)

int
segments_parse(const char *text, struct segments *segments)
{
	struct segment segment, *list;
	const char *line;

	*segments = (struct segments){ 0 };
	for (line = strstr(text, "Segment "); line != NULL; line = strstr(line + 1, "\nSegment ")) {
		line += *line == '\n';
		/* lib/eal/common/eal_common_memory.c, dump_memseg() */
		if (sscanf(line,
			   "Segment %*d-%*d: IOVA:0x%" SCNx64 ", len:%" SCNu64 ", virt:0x%" SCNx64,
			   &segment.iova, &segment.length, &segment.va) != 3 ||
		    segment.length == 0)
			goto err_malformed;
		list = realloc(segments->list, (segments->count + 1) * sizeof(*list));
		if (list == NULL) {
			segments_free(segments);
			return -ENOMEM;
		}
		segments->list = list;
		list[segments->count++] = segment;
	}
	if (segments->count != 0)
		return 0;

err_malformed:
	segments_free(segments);
	return -EBADMSG;
}

void
segments_free(struct segments *segments)
{
	free(segments->list);
	*segments = (struct segments){ 0 };
}

/* Addresses are strings: "0x1c0000000". */
static int
address_parse(const json_t *object, const char *key, uint64_t *address)
{
	const char *text = json_string_value(json_object_get(object, key));
	char *end;

	if (text == NULL || strncmp(text, "0x", 2) != 0)
		return -EBADMSG;
	errno = 0;
	*address = strtoull(text + 2, &end, 16);
	return errno || *end != '\0' || end == text + 2 ? -EBADMSG : 0;
}

int
mapping_parse(const json_t *object, struct mapping *mapping)
{
	const char *state = json_string_value(json_object_get(object, "state"));
	const char *error = json_string_value(json_object_get(object, "kernel_error"));

	*mapping = (struct mapping){ 0 };
	if (state == NULL || address_parse(object, "va", &mapping->va) != 0 ||
	    address_parse(object, "iova", &mapping->iova) != 0 ||
	    telemetry_number(object, "length", &mapping->length) != 0 ||
	    telemetry_number(object, "page_size", &mapping->page_size) != 0)
		return -EBADMSG;
	if (mapping->page_size == 0 || mapping->length == 0 ||
	    mapping->length % mapping->page_size != 0)
		return -EBADMSG;
	mapping->pinned = strcmp(state, "pinned") == 0;
	snprintf(mapping->error, sizeof(mapping->error), "%s", error != NULL ? error : "");
	mapping->has_kernel = json_object_get(object, "kernel") != NULL;
	if (!mapping->has_kernel)
		return 0;
	return address_parse(object, "kernel", &mapping->kernel) != 0 ||
			address_parse(object, "kernel_last", &mapping->kernel_last) != 0 ?
		-EBADMSG :
		0;
}

/* One answer's worth. */
static int
mappings_add(struct mappings *mappings, const json_t *answer)
{
	json_t *members = json_object_get(answer, "mappings"), *object;
	size_t count = mappings->count + json_object_size(members);
	struct mapping *list;
	const char *key;

	if (count == mappings->count)
		return 0;
	if (count > MAPPINGS_MOST)
		return -EMSGSIZE;
	list = realloc(mappings->list, count * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	mappings->list = list;
	json_object_foreach(members, key, object)
		if (mapping_parse(object, &list[mappings->count++]) != 0)
			return -EBADMSG;
	return 0;
}

/* Where to go on in a domain, or "" at its end: the next place may be in the next one. */
static void
mappings_next(const json_t *answer, const struct domain *domain, char *next, size_t size)
{
	const char *text = json_string_value(json_object_get(answer, "next"));
	const size_t length = strlen(domain->name);

	if (text == NULL || strncmp(text, domain->name, length) != 0 || text[length] != ':')
		text = "";
	snprintf(next, size, "%s", text);
}

/* One answer from a place on. If the domain has no more it is of another one. */
static enum verdict
mappings_query(struct program *program, const struct domain *domain, struct mappings *mappings,
	       char *next, size_t size, struct result *result)
{
	const char *text, *of;
	enum verdict verdict;
	json_t *answer;
	int ret = 0;

	verdict = program_query(program, result, &answer, "/vfio_cdev/mappings,%s", next);
	if (verdict != VERDICT_PASS)
		return verdict;
	text = json_string_value(json_object_get(answer, "error"));
	of = json_string_value(json_object_get(answer, "domain"));
	if (!json_is_object(answer) || text != NULL)
		ret = -ENOTSUP;
	else if (of != NULL && strcmp(of, domain->name) == 0)
		ret = mappings_add(mappings, answer);
	if (ret == -ENOTSUP)
		verdict = result_error(result, "the backend does not report its mappings: %s",
				       text != NULL ? text : "is it of another version?");
	else if (ret != 0)
		verdict = result_error(result, "/vfio_cdev/mappings: %s", strerror(-ret));
	mappings_next(answer, domain, next, size);
	json_decref(answer);
	return verdict;
}

static int
mapping_compare(const void *a, const void *b)
{
	const struct mapping *one = a, *other = b;

	return (one->va > other->va) - (one->va < other->va);
}

enum verdict
mappings_read(struct program *program, const struct domain *domain, struct mappings *mappings,
	      struct result *result)
{
	enum verdict verdict;
	char next[96];

	*mappings = (struct mappings){ 0 };
	snprintf(next, sizeof(next), "%s:0x0", domain->name);
	do {
		verdict = mappings_query(program, domain, mappings, next, sizeof(next), result);
	} while (verdict == VERDICT_PASS && next[0] != '\0');
	if (verdict != VERDICT_PASS)
		mappings_free(mappings);
	else if (mappings->count != 0)
		qsort(mappings->list, mappings->count, sizeof(*mappings->list), mapping_compare);
	return verdict;
}

void
mappings_free(struct mappings *mappings)
{
	free(mappings->list);
	*mappings = (struct mappings){ 0 };
}

const struct mapping *
mappings_find(const struct mappings *mappings, uint64_t va)
{
	unsigned int low = 0, high = mappings->count, middle;
	const struct mapping *mapping;

	while (low < high) {
		middle = low + (high - low) / 2;
		mapping = &mappings->list[middle];
		if (va < mapping->va)
			high = middle;
		else if (va - mapping->va >= mapping->length)
			low = middle + 1;
		else
			return mapping;
	}
	return NULL;
}

enum verdict
page_check(uint64_t va, uint64_t iova, uint64_t address, const char *source, struct result *result)
{
	if (iova == address)
		return VERDICT_PASS;
	return result_fail(result,
			   "page 0x%" PRIx64 ": the IOAS has it at 0x%" PRIx64 ", %s at 0x%" PRIx64,
			   va, iova, source, address);
}

enum verdict
segment_check(const struct segment *segment, const struct mappings *mappings, struct result *result)
{
	const struct mapping *mapping = mappings_find(mappings, segment->va);

	if (mapping == NULL || segment->length > mapping->length - (segment->va - mapping->va))
		return result_fail(result,
				   "page 0x%" PRIx64 " of the EAL (at 0x%" PRIx64 " to "
				   "it) is not mapped in the IOAS",
				   segment->va, segment->iova);
	if (!mapping->pinned)
		return result_fail(result,
				   "page 0x%" PRIx64 " of the EAL (at 0x%" PRIx64 " to it) is "
				   "mapped, but not pinned",
				   segment->va, segment->iova);
	return page_check(segment->va, mapping->iova + (segment->va - mapping->va), segment->iova,
			  "the EAL", result);
}

enum verdict
mapping_check(const struct mapping *mapping, bool noiommu, struct result *result)
{
	uint64_t last = mapping->length - mapping->page_size;
	enum verdict verdict;

	if (mapping->error[0] != '\0')
		return result_fail(result,
				   "page 0x%" PRIx64 ": the IOAS has it at 0x%" PRIx64
				   ", the kernel "
				   "does not report where it is: %s",
				   mapping->va, mapping->iova, mapping->error);
	if (!mapping->has_kernel && noiommu)
		return result_fail(result,
				   "page 0x%" PRIx64 ": the IOAS has it at 0x%" PRIx64 ", and the "
				   "kernel has not confirmed it",
				   mapping->va, mapping->iova);
	if (!mapping->has_kernel)
		return VERDICT_PASS;
	verdict = page_check(mapping->va, mapping->iova, mapping->kernel, "the kernel", result);
	if (verdict != VERDICT_PASS)
		return verdict;
	return page_check(mapping->va + last, mapping->iova + last, mapping->kernel_last,
			  "the kernel", result);
}

uint64_t
pagemap_address(uint64_t word, uint64_t va)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), pfn = word & PAGEMAP_PFN;

	/* Without CAP_SYS_ADMIN all of them are 0. */
	if (!(word & PAGEMAP_PRESENT) || pfn == 0)
		return 0;
	return pfn * page + va % page;
}
