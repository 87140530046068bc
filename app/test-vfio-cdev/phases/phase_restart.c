/* SPDX-License-Identifier: BSD-3-Clause */

/* testpmd killed at work, and started again on what it has left behind. */

#include "flow.h"
#include "phase.h"

/* With linked ports packets must flow before it is killed. */
static enum verdict
restart_work(struct run *run, struct program *program, struct result *result)
{
	unsigned int ports = run->count / 2 * 2;

	if (ports == 0)
		return testpmd_do(program, result, NULL, "start");
	return flow_start(program, ports, result);
}

static enum verdict
restart_once(struct run *run, unsigned int round, struct result *result)
{
	const struct program_spec spec = { 0 };
	struct program *program;
	enum verdict verdict;

	progress_step(&run->progress, "%u of %u", round, run->options->restarts);
	verdict = testpmd_start(run, &spec, result, &program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = restart_work(run, program, result);
	if (verdict != VERDICT_PASS || round == run->options->restarts)
		program_free(program);
	else
		program_kill(program);
	return verdict;
}

enum verdict
phase_restart(struct run *run, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	unsigned int round;

	/* The first start is not after a kill. */
	for (round = 0; round <= run->options->restarts && verdict == VERDICT_PASS; round++)
		verdict = restart_once(run, round, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	return result_pass(result, "%u starts after SIGKILL%s", round - 1,
			   run->count < 2 ? "; one port: no packets" : ", packets after each");
}
