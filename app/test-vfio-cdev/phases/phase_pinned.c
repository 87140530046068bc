/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Whether the kernel moves the hugepages of a testpmd that forwards to another NUMA
 * node when move_pages(2) requests it, as it does by itself when it balances or compacts
 * memory. None may move, since devices have their addresses. late.c does the same to
 * memory whose addresses were given before the first device.
 */

#include <errno.h>
#include <inttypes.h>
#include <numa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "domains.h"
#include "flow.h"
#include "late.h"
#include "phase.h"
#include "proc_files.h"
#include "stock.h"

#define BETWEEN 100  /* ms */
#define LET_GO 10000 /* ms */

struct moves {
	unsigned int pages;
	unsigned int moved;
	unsigned int rounds;
	struct proc_page first; /* that moved, as it was */
	int to;
};

/* A hugepage of ours on a node, or NULL. */
static void *
page_make(uint64_t size, int node)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		__builtin_ctzll(size) << MAP_HUGE_SHIFT;
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	numa_tonode_memory(page, size, node);
	if (madvise(page, size, MADV_POPULATE_WRITE) == 0)
		return page;
	munmap(page, size);
	return NULL;
}

/*
 * Could one move at all? A page like it, which nothing pins, has to; otherwise it would
 * mean nothing that none moves.
 */
static enum verdict
moves_control(const struct proc_page *like, int target, struct result *result)
{
	struct proc_page page = *like;
	struct proc_pages pages = { .page = &page, .count = 1 };
	enum verdict verdict;

	page.va = page_make(page.size, page.node);
	if (page.va == NULL)
		return result_skip(result,
				   "no free hugepage of %" PRIu64 " kB on node %d, to see "
				   "whether one can be moved at all",
				   page.size >> 10, page.node);
	verdict = proc_pages_move(0, &pages, &target, result);
	munmap(page.va, page.size);
	if (verdict == VERDICT_PASS && page.node != target)
		return result_skip(result,
				   "a hugepage of our own cannot be moved from node %d to "
				   "node %d: free hugepages there",
				   like->node, target);
	return verdict;
}

static void
moves_count(const struct proc_page *before, const struct proc_pages *pages, struct moves *moves)
{
	moves->pages = pages->count;
	moves->rounds++;
	for (unsigned int i = 0; i < pages->count; i++) {
		if (pages->page[i].node < 0 || pages->page[i].node == before[i].node)
			continue;
		if (moves->moved++ == 0) {
			moves->first = before[i];
			moves->to = pages->page[i].node;
		}
	}
}

static enum verdict
moves_try(pid_t pid, struct proc_pages *pages, struct moves *moves, struct result *result)
{
	struct proc_page *before = calloc(pages->count, sizeof(*before));
	int *targets = calloc(pages->count, sizeof(*targets));
	enum verdict verdict;

	if (before == NULL || targets == NULL) {
		verdict = result_error(result, "%s", strerror(ENOMEM));
		goto out;
	}
	memcpy(before, pages->page, pages->count * sizeof(*before));
	for (unsigned int i = 0; i < pages->count; i++)
		targets[i] = placement_other(pages->page[i].node);
	verdict = moves_control(&before[0], targets[0], result);
	if (verdict == VERDICT_PASS)
		verdict = proc_pages_move(pid, pages, targets, result);
	if (verdict == VERDICT_PASS)
		moves_count(before, pages, moves);
out:
	free(targets);
	free(before);
	return verdict;
}

/* All of them, once. */
static enum verdict
moves_round(pid_t pid, struct moves *moves, struct result *result)
{
	struct proc_pages pages;
	enum verdict verdict;

	verdict = proc_pages_read(pid, &pages, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = moves_try(pid, &pages, moves, result);
	free(pages.page);
	return verdict;
}

static enum verdict
moves_verdict(const struct moves *moves, struct result *result)
{
	if (moves->moved == 0)
		return VERDICT_PASS;
	return result_fail(result,
			   "%u of %u hugepages moved while devices used them, the first at "
			   "%p from node %d to node %d: nothing pins them",
			   moves->moved, moves->pages, moves->first.va, moves->first.node,
			   moves->to);
}

static enum verdict
pinned_rounds(struct run *run, struct program *program, struct moves *moves, struct result *result)
{
	const unsigned int ports = run->count / 2 * 2;
	const long long end = clock_ms() + run->options->duration * 1000LL;
	enum verdict verdict;

	do {
		progress_step(&run->progress, "round %u", moves->rounds + 1);
		verdict = moves_round(program_pid(program), moves, result);
		if (verdict == VERDICT_PASS)
			verdict = moves_verdict(moves, result);
		if (verdict == VERDICT_PASS)
			verdict = program_sleep(program, BETWEEN, result);
	} while (verdict == VERDICT_PASS && clock_ms() < end);
	return verdict != VERDICT_PASS ? verdict :
					 flow_await(program, ports, TESTPMD_PATIENCE, result);
}

/* With one node no page can move; what the kernel counts as pinned is left. */
static enum verdict
pinned_test(struct run *run, struct program *program, struct moves *moves, struct result *result)
{
	struct proc_memory memory;
	enum verdict verdict;

	verdict = flow_start(program, run->count / 2 * 2, result);
	if (verdict == VERDICT_PASS && placement_other(-1) >= 0 &&
	    placement_other(placement_other(-1)) >= 0)
		verdict = pinned_rounds(run, program, moves, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = domains_check_pins(program, &memory, result);
	if (verdict == VERDICT_PASS && moves->rounds == 0)
		return result_skip(result,
				   "there is one NUMA node, so no page can be moved; "
				   "as the %s, all %" PRIu64 " kB of hugepages are pinned",
				   run->pin_only ? "library counts" : "kernel counts (VmPin)",
				   memory.huge);
	return verdict;
}

/* Has it a device open over the group? The container itself, /dev/vfio/vfio, stays. */
static bool
files_have_device(const struct proc_files *files)
{
	for (unsigned int i = 0; i < files->count; i++) {
		if (strstr(files->name[i], "[vfio-device]") != NULL)
			return true;
		if (strncmp(files->name[i], "/dev/vfio/", 10) == 0 &&
		    strcmp(files->name[i], "/dev/vfio/vfio") != 0)
			return true;
	}
	return false;
}

/* With the last file of it the kernel ends a device's DMA (vfio_pci_core_disable()). */
static enum verdict
devices_gone(struct program *program, struct result *result)
{
	const long long end = clock_ms() + LET_GO;
	enum verdict verdict = VERDICT_PASS;
	struct proc_files files;

	while (verdict == VERDICT_PASS) {
		if (proc_files_read(program_pid(program), &files) < 0)
			return result_error(result, "cannot list the files that testpmd has open");
		if (!files_have_device(&files))
			return VERDICT_PASS;
		if (clock_ms() >= end)
			return result_error(result,
					    "testpmd still has a device open after its ports were "
					    "detached, so no page may be moved");
		verdict = program_sleep(program, BETWEEN, result);
	}
	return verdict;
}

/*
 * A page that moves must not be one that a device may use. A port that is stopped may: virtio
 * keeps its receive buffers (test_pinned_compare.py), and others have queues of commands and
 * events. So the devices go first.
 */
static enum verdict
pinned_test_stock(struct program *program, unsigned int ports, struct moves *moves,
		  struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	unsigned int count;

	for (unsigned int port = 0; port < ports && verdict == VERDICT_PASS; port++) {
		verdict = testpmd_do(program, result, NULL, "port stop %u", port);
		if (verdict == VERDICT_PASS)
			verdict = testpmd_do(program, result, NULL, "port detach %u", port);
	}
	if (verdict == VERDICT_PASS)
		verdict = testpmd_ports(program, &count, result);
	if (verdict == VERDICT_PASS && count != 0)
		return result_error(result,
				    "testpmd does not detach %u of its %u ports, so no page "
				    "may be moved",
				    count, ports);
	if (verdict == VERDICT_PASS)
		verdict = devices_gone(program, result);
	return verdict != VERDICT_PASS ? verdict : moves_round(program_pid(program), moves, result);
}

static enum verdict
hugepages_measure(struct run *run, bool stock, char *text, size_t size, struct result *result)
{
	const struct program_spec spec = { .count = run->count / 2 * 2, .stock = stock };
	struct moves moves = { 0 };
	struct program *program;
	enum verdict verdict;

	progress_step(&run->progress, "starting testpmd");
	verdict = testpmd_start(run, &spec, result, &program);
	if (verdict == VERDICT_PASS)
		verdict = stock ? pinned_test_stock(program, spec.count, &moves, result) :
				  pinned_test(run, program, &moves, result);
	program_free(program);
	snprintf(text, size, "%u of %u pages moved in %u attempt%s", moves.moved, moves.pages,
		 moves.rounds, moves.rounds == 1 ? "" : "s");
	return verdict;
}

/* If only late.c is skipped it passes, and the text has the reason. */
static enum verdict
pinned_measure(struct run *run, bool stock, char *text, size_t size, struct result *result)
{
	enum verdict verdict = hugepages_measure(run, stock, text, size, result);
	const size_t length = strlen(text);

	if (verdict != VERDICT_PASS)
		return verdict;
	/* Addresses given before a device without a cdev is plugged in are not pinned. */
	if (run->pin_only)
		return verdict;
	verdict = late_measure(run, stock, text + length, size - length, result);
	if (verdict == VERDICT_SKIP)
		return VERDICT_PASS;
	if (verdict == VERDICT_PASS)
		result->text[0] = '\0';
	return verdict;
}

enum verdict
phase_pinned(struct run *run, struct result *result)
{
	char text[sizeof(result->figure)], why[sizeof(result->text)];
	enum verdict verdict;

	if (numa_available() < 0)
		return result_skip(result, "this kernel has no NUMA, so no page can be moved");
	verdict = pinned_measure(run, false, text, sizeof(text), result);
	if (verdict != VERDICT_PASS)
		return verdict;
	strcpy(why, result->text);
	result_pass(result, "%s", text);
	if (run->pin_only)
		snprintf(result->text, sizeof(result->text), "%s", RUN_PIN_ONLY);
	else
		strcpy(result->text, why);
	return stock_compare(run, result, pinned_measure);
}
