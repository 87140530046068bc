/* SPDX-License-Identifier: BSD-3-Clause */

/* Each device detached from a running testpmd, let go of, and attached again. */

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "flow.h"
#include "phase.h"
#include "proc_files.h"

#define ROUNDS 2
#define LET_GO 10000 /* ms */
#define FILES_READ 10

/* The backend has all devices but one, or all (without == run->count). */
static enum verdict
lifecycle_devices(const struct run *run, struct program *program, unsigned int without,
		  struct result *result)
{
	const char **addrs = calloc(run->count, sizeof(*addrs));
	unsigned int count = 0;
	enum verdict verdict;

	if (addrs == NULL)
		return result_error(result, "no memory");
	for (unsigned int i = 0; i < run->count; i++)
		if (i != without)
			addrs[count++] = run->devices[i].addr;
	verdict = program_check_devices(program, addrs, count, result);
	free(addrs);
	return verdict;
}

/* A console answers a command that fails in words only: count the ports. */
static enum verdict
lifecycle_command(struct program *program, unsigned int ports, struct result *result,
		  const char *command, const char *arg)
{
	enum verdict verdict;
	unsigned int count;

	verdict = testpmd_do(program, result, NULL, "%s %s", command, arg);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_ports(program, &count, result);
	if (verdict == VERDICT_PASS && count != ports)
		return result_fail(result, "after '%s %s' testpmd has %u ports, not %u", command,
				   arg, count, ports);
	return verdict;
}

/* No process has the cdev open: another one could bind the device now. */
static enum verdict
lifecycle_released(struct run *run, struct program *program, const struct rte_vfio_cdev_info *info,
		   struct result *result)
{
	const long long end = clock_ms() + LET_GO;
	struct rte_vfio_cdev_opener opener;
	enum verdict verdict;
	int openers;

	for (;;) {
		openers = rte_vfio_cdev_openers(run->host.ctx, info, &opener, 1);
		if (openers < 0)
			return result_error(result, "cannot list who has %s open: %s", info->addr,
					    strerror(-openers));
		if (openers == 0)
			return VERDICT_PASS;
		if (clock_ms() >= end)
			return result_fail(result,
					   "%s is still open by %s (process %d) after it "
					   "was detached",
					   info->addr, opener.name, opener.pid);
		verdict = program_sleep(program, 100, result);
		if (verdict != VERDICT_PASS)
			return verdict;
	}
}

/* A port that is attached gets the lowest number that is free: the one it had. */
static enum verdict
lifecycle_device(struct run *run, struct program *program, unsigned int port, struct result *result)
{
	const struct rte_vfio_cdev_info *info = &run->devices[port];
	enum verdict verdict;
	char number[16];

	progress_step(&run->progress, "%s", info->addr);
	snprintf(number, sizeof(number), "%u", port);
	verdict = testpmd_do(program, result, NULL, "port stop %u", port);
	if (verdict == VERDICT_PASS)
		verdict = lifecycle_command(program, run->count - 1, result, "port detach", number);
	if (verdict == VERDICT_PASS)
		verdict = lifecycle_devices(run, program, port, result);
	if (verdict == VERDICT_PASS)
		verdict = lifecycle_released(run, program, info, result);
	if (verdict == VERDICT_PASS)
		verdict = lifecycle_command(program, run->count, result, "port attach", info->addr);
	if (verdict == VERDICT_PASS)
		verdict = lifecycle_devices(run, program, run->count, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "port start %u", port);
	return verdict;
}

/*
 * The most that testpmd has open in a second: the EAL's interrupt thread closes its epoll
 * file, and opens another one, each time when what it waits for changes.
 */
static enum verdict
lifecycle_files(struct program *program, struct proc_files *most, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;

	for (unsigned int i = 0; i < FILES_READ && verdict == VERDICT_PASS; i++) {
		if (proc_files_most(program_pid(program), most) < 0)
			return result_error(result, "cannot list the files that testpmd has open");
		verdict = program_sleep(program, 100, result);
	}
	return verdict;
}

/* Some are closed a moment later, by the EAL's interrupt thread. */
static enum verdict
lifecycle_no_more_files(struct program *program, const struct proc_files *before,
			struct result *result)
{
	const long long end = clock_ms() + LET_GO;
	enum verdict verdict = VERDICT_PASS;
	struct proc_files now = { .count = 0 };
	const char *more;

	while (verdict == VERDICT_PASS) {
		if (proc_files_read(program_pid(program), &now) < 0)
			return result_error(result, "cannot list the files that testpmd has open");
		more = proc_files_more(before, &now);
		if (more == NULL)
			break;
		if (clock_ms() >= end)
			return result_fail(result,
					   "testpmd has %u files open after its devices "
					   "were attached once more, and %u before: one more is %s",
					   now.count, before->count, more);
		verdict = program_sleep(program, 100, result);
	}
	return verdict;
}

static enum verdict
lifecycle_round(struct run *run, struct program *program, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;

	for (unsigned int port = 0; port < run->count && verdict == VERDICT_PASS; port++)
		verdict = lifecycle_device(run, program, port, result);
	return verdict;
}

/* What is only opened once is open after the first round. */
static enum verdict
lifecycle_rounds(struct run *run, struct program *program, struct result *result)
{
	enum verdict verdict = lifecycle_round(run, program, result);
	struct proc_files before = { .count = 0 };

	if (verdict == VERDICT_PASS)
		verdict = lifecycle_files(program, &before, result);
	for (unsigned int i = 1; i < ROUNDS && verdict == VERDICT_PASS; i++)
		verdict = lifecycle_round(run, program, result);
	return verdict != VERDICT_PASS ? verdict :
					 lifecycle_no_more_files(program, &before, result);
}

static enum verdict
lifecycle_of(struct run *run, struct program *program, struct result *result)
{
	unsigned int ports = run->count / 2 * 2;
	enum verdict verdict = lifecycle_rounds(run, program, result);

	if (verdict != VERDICT_PASS || ports == 0)
		return verdict;
	return flow_start(program, ports, result);
}

enum verdict
phase_lifecycle(struct run *run, struct result *result)
{
	const struct program_spec spec = { 0 };
	struct program *program;
	enum verdict verdict;

	progress_step(&run->progress, "starting testpmd");
	verdict = testpmd_start(run, &spec, result, &program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = lifecycle_of(run, program, result);
	program_free(program);
	if (verdict != VERDICT_PASS)
		return verdict;
	return result_pass(result, "%u times detached, let go and attached%s", run->count * ROUNDS,
			   run->count < 2 ? "; one port: no packets" : ", packets at the end");
}
