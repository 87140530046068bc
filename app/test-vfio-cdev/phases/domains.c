/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "domains.h"

static int
domain_parse(const char *name, const json_t *object, struct domains *domains)
{
	const char *mode = json_string_value(json_object_get(object, "mode"));
	struct domain *domain = &domains->list[domains->count];
	uint64_t devices, bytes;
	bool pin_only;

	if (mode == NULL || strlen(name) >= DOMAIN_NAME ||
	    telemetry_number(object, "devices", &devices) != 0 ||
	    telemetry_number(object, "bytes", &bytes) != 0)
		return -EBADMSG;
	pin_only = strcmp(mode, rte_vfio_cdev_mode_name(RTE_VFIO_CDEV_PIN_ONLY)) == 0;
	if (devices == 0 && (!pin_only || bytes == 0))
		return 0;
	if (domains->count == DOMAINS)
		return -EMSGSIZE;
	*domain = (struct domain){
		.noiommu = strcmp(mode, rte_vfio_cdev_mode_name(RTE_VFIO_CDEV_NOIOMMU)) == 0,
		.pin_only = pin_only,
		.bytes = bytes,
	};
	strcpy(domain->name, name);
	domains->count++;
	return 0;
}

int
domains_parse(const json_t *answer, struct domains *domains)
{
	json_t *members = json_object_get(answer, "domains"), *object;
	const char *name;
	int ret = 0;

	json_object_foreach(members, name, object)
		if (ret == 0)
			ret = domain_parse(name, object, domains);
	return ret;
}

static enum verdict
domains_query(struct program *program, struct domains *domains, char *next, size_t size,
	      struct result *result)
{
	enum verdict verdict;
	const char *text;
	json_t *answer;
	int ret;

	verdict = program_query(program, result, &answer, "/vfio_cdev/domains%s%s",
				next[0] != '\0' ? "," : "", next);
	if (verdict != VERDICT_PASS)
		return verdict;
	ret = json_is_object(answer) ? domains_parse(answer, domains) : -EBADMSG;
	if (ret != 0)
		verdict = result_error(result, "/vfio_cdev/domains: %s", strerror(-ret));
	text = json_string_value(json_object_get(answer, "next"));
	snprintf(next, size, "%s", text != NULL ? text : "");
	json_decref(answer);
	return verdict;
}

enum verdict
domains_read(struct program *program, struct domains *domains, struct result *result)
{
	char next[DOMAIN_NAME] = "";
	enum verdict verdict;

	*domains = (struct domains){ .count = 0 };
	do {
		verdict = domains_query(program, domains, next, sizeof(next), result);
	} while (verdict == VERDICT_PASS && next[0] != '\0');
	if (verdict == VERDICT_PASS && domains->count == 0)
		return result_fail(result,
				   "the backend has no domain with a device or pinned memory");
	return verdict;
}

enum verdict
domains_verdict(const struct domains *domains, const struct proc_memory *memory,
		struct result *result)
{
	unsigned int counted = 0;
	char each[48] = "";

	for (unsigned int i = 0; i < domains->count; i++) {
		counted += !domains->list[i].pin_only;
		if (domains->list[i].bytes >> 10 < memory->huge)
			return result_fail(result,
					   "of %" PRIu64
					   " kB of hugepages the domain %s has pinned "
					   "%" PRIu64 " kB",
					   memory->huge, domains->list[i].name,
					   domains->list[i].bytes >> 10);
	}
	if (counted > 1)
		snprintf(each, sizeof(each), " that each of %u domains has", counted);
	if (memory->pinned < memory->huge * counted)
		return result_fail(result,
				   "of %" PRIu64 " kB of hugepages%s %" PRIu64 " kB are "
				   "pinned (VmPin)",
				   memory->huge, each, memory->pinned);
	return VERDICT_PASS;
}

enum verdict
domains_check_pins(struct program *program, struct proc_memory *memory, struct result *result)
{
	struct domains domains;
	enum verdict verdict;

	verdict = domains_read(program, &domains, result);
	if (verdict == VERDICT_PASS)
		verdict = proc_memory_read(program_pid(program), memory, result);
	return verdict != VERDICT_PASS ? verdict : domains_verdict(&domains, memory, result);
}
