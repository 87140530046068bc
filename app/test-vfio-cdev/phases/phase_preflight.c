/* SPDX-License-Identifier: BSD-3-Clause */

/* What `dpdk-vfio-cdev doctor` checks, before anything is tried. */

#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "finding_json.h"
#include "phase.h"

struct preflight {
	struct result *result;
	json_t *findings;
	unsigned int count;
	unsigned int warnings;
	unsigned int failures;
};

static void
preflight_finding(void *arg, const struct check_finding *finding)
{
	struct preflight *preflight = arg;

	preflight->count++;
	json_array_append_new(preflight->findings, check_finding_json(finding));
	if (finding->verdict == CHECK_WARN)
		preflight->warnings++;
	if (finding->verdict != CHECK_FAIL)
		return;
	/* The first one is the one to cure first. */
	if (preflight->failures++ == 0)
		result_fail(preflight->result, "%s%s%s: %s%s%s", finding->check,
			    finding->device != NULL ? " " : "",
			    finding->device != NULL ? finding->device : "", finding->text,
			    finding->cure != NULL ? " Cure: " : "",
			    finding->cure != NULL ? finding->cure : "");
}

enum verdict
phase_preflight(struct run *run, struct result *result)
{
	struct preflight preflight = { .result = result, .findings = json_array() };
	struct check_options options = {
		.app = run->options->testpmd,
		.front = FRONT_EAL,
		.preloads = true,
		.require = !run->pin_only,
	};
	const char **devices;
	int ret;

	devices = calloc(run->count + 1, sizeof(*devices));
	if (devices == NULL)
		return result_error(result, "no memory");
	for (unsigned int i = 0; i < run->count; i++)
		devices[i] = run->devices[i].addr;
	options.devices = devices;
	ret = checks_run(&run->host, &options, preflight_finding, &preflight);
	free(devices);
	result_detail(result, "findings", preflight.findings);
	if (ret < 0)
		return result_error(result, "%s", strerror(-ret));
	if (preflight.failures != 0)
		return VERDICT_FAIL;
	result_pass(result, "%u checks, %u warnings%s", preflight.count, preflight.warnings,
		    preflight.warnings != 0 ? ": see dpdk-vfio-cdev doctor" : "");
	if (run->pin_only)
		snprintf(result->text, sizeof(result->text), "%s", RUN_PIN_ONLY);
	return result->verdict;
}
