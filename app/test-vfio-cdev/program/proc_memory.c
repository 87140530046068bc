/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc_memory.h"

static FILE *
proc_open(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return fopen(path, "re");
}

enum verdict
proc_memory_read(pid_t pid, struct proc_memory *memory, struct result *result)
{
	FILE *file = proc_open(pid, "status");
	char line[256];

	*memory = (struct proc_memory){ 0 };
	if (file == NULL)
		return result_error(result, "/proc/%d/status: %s", (int)pid, strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL) {
		sscanf(line, "HugetlbPages: %" SCNu64, &memory->huge);
		sscanf(line, "VmPin: %" SCNu64, &memory->pinned);
	}
	fclose(file);
	return VERDICT_PASS;
}

/* The pages of an area. 0 or -ENOMEM. */
static int
pages_add(struct proc_pages *pages, uintptr_t start, uintptr_t end, uint64_t size)
{
	const unsigned int count = (unsigned int)((end - start) / size);
	struct proc_page *more;

	more = realloc(pages->page, (pages->count + count) * sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	pages->page = more;
	for (; start < end; start += size)
		more[pages->count++] = (struct proc_page){ .va = (void *)start, .size = size };
	return 0;
}

static int
pages_list(FILE *smaps, struct proc_pages *pages)
{
	uintptr_t start = 0, end = 0;
	uint64_t from, to, kib;
	char line[512];
	int ret = 0;

	while (ret == 0 && fgets(line, sizeof(line), smaps) != NULL) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &from, &to) == 2) {
			start = from;
			end = to;
		} else if (sscanf(line, "KernelPageSize: %" SCNu64, &kib) == 1 &&
			   kib << 10 > (uint64_t)sysconf(_SC_PAGESIZE)) {
			ret = pages_add(pages, start, end, kib << 10);
		}
	}
	return ret;
}

/* move_pages(2): with no targets it only reports where they are. */
static long
pages_call(pid_t pid, const struct proc_pages *pages, const int *targets, int *status)
{
	void **at = calloc(pages->count, sizeof(*at));
	long ret = -1;

	for (unsigned int i = 0; at != NULL && i < pages->count; i++)
		at[i] = pages->page[i].va;
	if (at != NULL)
		ret = numa_move_pages(pid, pages->count, at, targets, status,
				      targets != NULL ? MPOL_MF_MOVE_ALL : 0);
	free(at);
	return ret;
}

static enum verdict
pages_locate(pid_t pid, struct proc_pages *pages, struct result *result)
{
	int *status = calloc(pages->count, sizeof(*status));

	if (status == NULL || pages_call(pid, pages, NULL, status) < 0) {
		free(status);
		return result_error(result, "cannot query where the pages of process %d are: %s",
				    (int)pid, strerror(errno));
	}
	for (unsigned int i = 0; i < pages->count; i++)
		pages->page[i].node = status[i];
	free(status);
	return VERDICT_PASS;
}

/* What is reserved is not there. */
static void
pages_drop_absent(struct proc_pages *pages)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < pages->count; i++)
		if (pages->page[i].node >= 0)
			pages->page[count++] = pages->page[i];
	pages->count = count;
}

enum verdict
proc_pages_read(pid_t pid, struct proc_pages *pages, struct result *result)
{
	FILE *file = proc_open(pid, "smaps");
	enum verdict verdict;
	int ret;

	*pages = (struct proc_pages){ 0 };
	if (file == NULL)
		return result_error(result, "/proc/%d/smaps: %s", (int)pid, strerror(errno));
	ret = pages_list(file, pages);
	fclose(file);
	if (ret != 0)
		verdict = result_error(result, "%s", strerror(-ret));
	else if (pages->count == 0)
		verdict = result_error(result, "process %d has no hugepages", (int)pid);
	else
		verdict = pages_locate(pid, pages, result);
	if (verdict != VERDICT_PASS) {
		free(pages->page);
		*pages = (struct proc_pages){ 0 };
		return verdict;
	}
	pages_drop_absent(pages);
	return VERDICT_PASS;
}

enum verdict
proc_pages_move(pid_t pid, struct proc_pages *pages, const int *targets, struct result *result)
{
	int *status = calloc(pages->count, sizeof(*status));
	long ret = status != NULL ? pages_call(pid, pages, targets, status) : -1;
	int err = errno;

	free(status);
	/* That a page cannot be moved is an answer, not an error. */
	if (ret < 0 && (err == EPERM || err == EACCES || err == ESRCH || err == ENOMEM))
		return result_error(result, "move_pages() of process %d: %s", (int)pid,
				    strerror(err));
	return pages_locate(pid, pages, result);
}
