/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's memory grows and shrinks while packets flow. testpmd has no command for
 * that, but attaches any device: a software event device, which is idle, takes about
 * 38 MB and gives them back. The kernel counts what is pinned.
 */

#include <inttypes.h>

#include "clock.h"
#include "domains.h"
#include "flow.h"
#include "phase.h"

#define DEVICE "event_sw0"
#define LEAST_ROUNDS 3

struct growth {
	struct proc_memory least, most;
	unsigned int rounds;
	unsigned int domains; /* each pins all memory for itself, and the kernel counts all */
};

/* What the library reports, if it does. */
static enum verdict
memory_compare_telemetry(struct program *program, const struct proc_memory *memory,
			 struct result *result)
{
	enum verdict verdict;
	uint64_t bytes;
	json_t *stats;

	verdict = program_query(program, result, &stats, "/vfio_cdev/stats");
	if (verdict != VERDICT_PASS)
		return verdict;
	if (telemetry_number(stats, "bytes", &bytes) == 0 && bytes >> 10 != memory->pinned)
		verdict = result_fail(result,
				      "the library reports %" PRIu64
				      " kB pinned, and the kernel %" PRIu64 " kB (VmPin): one "
				      "of both has lost a map or an unmap",
				      bytes >> 10, memory->pinned);
	json_decref(stats);
	return verdict;
}

static enum verdict
memory_attach(struct program *program, const struct growth *growth, struct proc_memory *now,
	      struct result *result)
{
	enum verdict verdict;

	verdict = testpmd_do(program, result, NULL, "port attach " DEVICE);
	if (verdict == VERDICT_PASS)
		verdict = proc_memory_read(program_pid(program), now, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	if (now->huge <= growth->least.huge)
		return result_skip(result,
				   "testpmd's memory does not grow when " DEVICE " is "
				   "attached: no free hugepages, or DPDK lacks that driver");
	if (now->pinned - growth->least.pinned !=
	    growth->domains * (now->huge - growth->least.huge))
		return result_fail(result,
				   "of %" PRIu64 " kB of hugepages that came %" PRIu64
				   " kB are pinned (VmPin)",
				   now->huge - growth->least.huge,
				   now->pinned - growth->least.pinned);
	return VERDICT_PASS;
}

static enum verdict
memory_detach(struct program *program, const struct growth *growth, struct result *result)
{
	struct proc_memory now;
	enum verdict verdict;
	uint64_t unpinned;

	verdict = testpmd_do(program, result, NULL, "device detach " DEVICE);
	if (verdict == VERDICT_PASS)
		verdict = proc_memory_read(program_pid(program), &now, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	if (now.huge >= growth->most.huge)
		return result_fail(result, "testpmd has not given back the memory of " DEVICE);
	unpinned = growth->domains * (growth->most.huge - now.huge);
	if (now.pinned + unpinned > growth->most.pinned)
		return result_fail(result,
				   "testpmd has given back %" PRIu64 " kB of hugepages, "
				   "and %" PRIu64 " kB of these are pinned still (VmPin): an unmap "
				   "was lost",
				   growth->most.huge - now.huge,
				   now.pinned + unpinned - growth->most.pinned);
	if (now.pinned + unpinned < growth->most.pinned)
		return result_fail(result,
				   "memory that testpmd still has is no longer pinned: %" PRIu64
				   " kB of %" PRIu64 " kB (VmPin)",
				   now.pinned, now.huge);
	return memory_compare_telemetry(program, &now, result);
}

static enum verdict
memory_round(struct program *program, unsigned int ports, struct growth *growth,
	     struct result *result)
{
	enum verdict verdict;

	verdict = proc_memory_read(program_pid(program), &growth->least, result);
	if (verdict == VERDICT_PASS)
		verdict = memory_attach(program, growth, &growth->most, result);
	if (verdict == VERDICT_PASS)
		verdict = memory_compare_telemetry(program, &growth->most, result);
	if (verdict == VERDICT_PASS)
		verdict = flow_await(program, ports, TESTPMD_PATIENCE, result);
	if (verdict == VERDICT_PASS)
		verdict = memory_detach(program, growth, result);
	if (verdict == VERDICT_PASS)
		verdict = flow_await(program, ports, TESTPMD_PATIENCE, result);
	growth->rounds++;
	return verdict;
}

static enum verdict
memory_rounds(struct run *run, struct program *program, struct growth *growth,
	      struct result *result)
{
	const unsigned int ports = run->count / 2 * 2;
	const long long end = clock_ms() + run->options->duration * 1000LL;
	struct domains domains = { .count = 0 };
	enum verdict verdict;

	verdict = flow_start(program, ports, result);
	if (verdict == VERDICT_PASS)
		verdict = domains_read(program, &domains, result);
	growth->domains = domains.count;
	while (verdict == VERDICT_PASS && (growth->rounds < LEAST_ROUNDS || clock_ms() < end)) {
		progress_step(&run->progress, "round %u", growth->rounds + 1);
		verdict = memory_round(program, ports, growth, result);
	}
	return verdict;
}

enum verdict
phase_memory(struct run *run, struct result *result)
{
	const struct program_spec spec = { .count = run->count / 2 * 2 };
	struct growth growth = { 0 };
	struct program *program;
	enum verdict verdict;

	verdict = testpmd_start(run, &spec, result, &program);
	if (verdict == VERDICT_PASS)
		verdict = memory_rounds(run, program, &growth, result);
	program_free(program);
	if (verdict != VERDICT_PASS)
		return verdict;
	return result_pass(result,
			   "%u times from %" PRIu64 " to %" PRIu64 " MB and back, as "
			   "pinned",
			   growth.rounds, growth.least.huge >> 10, growth.most.huge >> 10);
}
