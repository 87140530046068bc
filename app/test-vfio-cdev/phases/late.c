/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>

#include "companion.h"
#include "late.h"

#define MOST_DEVICES 16 /* that are plugged in: with the first one pages are pinned */
#define NODE_LEN 16
#define LATE_ARGS 3 /* before the devices */

/* lib/eal/linux/eal.c, rte_eal_init(), if it is to use physical addresses */
#define NO_ADDRESSES "physical addresses are not available"

/* What it is started with. */
struct late_args {
	char from[NODE_LEN], to[NODE_LEN];
	const char *argv[LATE_ARGS + MOST_DEVICES + 1]; /* "late", both nodes, devices, NULL */
};

static long long
number(const json_t *found, const char *key)
{
	return json_integer_value(json_object_get(found, key));
}

/* Of a move that there was, or whose consequence there is. */
static enum verdict
late_fail(const json_t *found, struct result *result)
{
	const long long moved = number(found, "moved"), given = number(found, "given");
	const char *first = json_string_value(json_object_get(found, "first"));

	if (moved == 0)
		return result_fail(result,
				   "%lld of %lld addresses that were given before the "
				   "first device are wrong with one, though no page moved to "
				   "another node; the first is that of %s",
				   number(found, "wrong"), given, first != NULL ? first : "?");
	return result_fail(result,
			   "%lld of %lld pages whose addresses were given before the "
			   "first device moved once there was one, the first at %s from node %lld "
			   "to node %lld: nothing pins them, and %lld of the addresses are wrong",
			   moved, given, first != NULL ? first : "?", number(found, "from"),
			   number(found, "to"), number(found, "wrong"));
}

enum verdict
late_verdict(const json_t *found, struct result *result)
{
	if (number(found, "moved") > 0 || number(found, "wrong") > 0)
		return late_fail(found, result);
	if (number(found, "given") <= 0)
		return result_skip(result,
				   "no address is given before the first device, so none "
				   "can be wrong");
	if (!json_is_true(json_object_get(found, "movable")))
		return result_skip(result,
				   "a page whose address was not queried cannot be "
				   "moved from node %lld to node %lld either",
				   number(found, "from"), number(found, "to"));
	return VERDICT_PASS;
}

/* Devices that need addresses to be right; stock DPDK gets none. */
static unsigned int
late_args_make(const struct run *run, bool stock, int to, struct late_args *args)
{
	unsigned int devices = 0;

	snprintf(args->from, sizeof(args->from), "%d", run->placement.memory_node);
	snprintf(args->to, sizeof(args->to), "%d", to);
	args->argv[0] = "late";
	args->argv[1] = args->from;
	args->argv[2] = args->to;
	for (unsigned int i = 0; !stock && i < run->count && devices < MOST_DEVICES; i++)
		if (run->devices[i].mode == RTE_VFIO_CDEV_NOIOMMU)
			args->argv[LATE_ARGS + devices++] = run->devices[i].addr;
	args->argv[LATE_ARGS + devices] = NULL;
	return devices;
}

/* Without CAP_SYS_ADMIN, or if only the IOAS may be queried, the EAL does not start. */
static enum verdict
late_start(struct run *run, const struct program_spec *spec, struct result *result,
	   struct program **program)
{
	enum verdict verdict = companion_start(run, spec, result, program);
	const char *output = json_string_value(json_object_get(result->details, "output"));

	if (verdict != VERDICT_FAIL || output == NULL || strstr(output, NO_ADDRESSES) == NULL)
		return verdict;
	json_object_del(result->details, "output");
	return result_skip(result, "without a device no physical address is given here");
}

static enum verdict
late_run(struct run *run, const struct program_spec *spec, unsigned int devices,
	 struct result *result, json_t **found)
{
	struct program *program;
	enum verdict verdict;

	progress_step(&run->progress, "addresses before the first device");
	verdict = late_start(run, spec, result, &program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = companion_result(run, program, result, found);
	if (verdict == VERDICT_PASS && !spec->stock)
		verdict = program_check_devices(program, &spec->args[LATE_ARGS], devices, result);
	program_free(program);
	return verdict;
}

/* Only a part of the phase is skipped: the sentence names it. */
static enum verdict
late_skipped(struct result *result)
{
	char why[sizeof(result->text)];

	strcpy(why, result->text);
	return result_skip(result,
			   "memory whose addresses are given before the first device was "
			   "not tried: %s",
			   why);
}

enum verdict
late_measure(struct run *run, bool stock, char *text, size_t size, struct result *result)
{
	static const char *const eal[] = { "--iova-mode=pa", NULL };
	const int to = placement_other(run->placement.memory_node);
	struct late_args args;
	const struct program_spec spec = {
		.eal = eal,
		.args = args.argv,
		.plugs = true,
		.stock = stock,
	};
	const unsigned int devices = late_args_make(run, stock, to, &args);
	json_t *found = NULL;
	enum verdict verdict;

	if (devices == 0 && !stock)
		verdict = result_skip(result, "all devices have an IOMMU");
	else
		verdict = late_run(run, &spec, devices, result, &found);
	if (verdict == VERDICT_PASS && !stock)
		verdict = late_verdict(found, result);
	if (verdict == VERDICT_PASS)
		snprintf(text, size, "; %lld of %lld given before a device", number(found, "moved"),
			 number(found, "given"));
	if (found != NULL) {
		json_object_del(found, "event");
		result_detail(result, "late", found);
	}
	return verdict == VERDICT_SKIP ? late_skipped(result) : verdict;
}
