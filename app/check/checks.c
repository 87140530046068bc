/* SPDX-License-Identifier: BSD-3-Clause */

/* The list of checks, and how they are run. */

#include "check_private.h"

struct entry {
	const char *name;
	void (*run)(struct checkup *c);
};

/* clang-format off */
/* In the order that they matter: what fails may be why a later one does. */
static const struct entry machine_checks[] = {
	{ "kernel-version", check_kernel_version },
	{ "kernel-options", check_kernel_options },
	{ "modules", check_modules },
	{ "sysfs", check_sysfs },
	{ "user-namespace", check_user_namespace },
	{ "capabilities", check_capabilities },
	{ "iommufd-node", check_iommufd_node },
	{ "get-pa", check_get_pa },
	{ "noiommu-parameter", check_noiommu_parameter },
	{ "devices", check_devices },
	{ "io-uring", check_io_uring },
};

static const struct entry device_checks[] = {
	{ "device-driver", check_device_driver },
	{ "device-cdev", check_device_cdev },
	{ "device-node", check_device_node },
	{ "node-owner", check_node_owner },
	{ "group-node", check_group_node },
	{ "group-viable", check_group_viable },
	{ "group-in-use", check_group_in_use },
	{ "device-in-use", check_device_in_use },
	{ "device-numa", check_device_numa },
};

static const struct entry program_checks[] = {
	{ "memlock", check_memlock },
	{ "hugepages", check_hugepages },
	{ "hugepage-limit", check_hugepage_limit },
	{ "hugepage-mount", check_hugepage_mount },
	{ "mempolicy", check_mempolicy },
	{ "physical-addresses", check_physical_addresses },
	{ "preload", check_preload },
	{ "dpdk", check_dpdk },
	{ "app", check_app },
};
/* clang-format on */

const char *
check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[] = { "PASS", "WARN", "FAIL" };

	return verdict <= CHECK_FAIL ? names[verdict] : "?";
}

static void
entries_run(struct checkup *c, const struct entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		c->name = entries[i].name;
		entries[i].run(c);
	}
}

#define ENTRIES_RUN(c, entries) entries_run(c, entries, sizeof(entries) / sizeof((entries)[0]))

static void
finding_drop(void *arg, const struct check_finding *finding)
{
	(void)arg;
	(void)finding;
}

/* Is there a device of which nothing fails, not even that it is open elsewhere? */
static bool
one_works(const struct checkup *all)
{
	struct checkup c = *all;

	c.report = finding_drop;
	c.named = true;
	for (int i = 0; i < c.count; i++) {
		c.device = &c.devices[i];
		c.worst = CHECK_PASS;
		ENTRIES_RUN(&c, device_checks);
		if (c.worst < CHECK_FAIL)
			return true;
	}
	return false;
}

int
checks_run(const struct host *host, const struct check_options *options, check_report_t report,
	   void *arg)
{
	struct checkup c = { .host = host, .options = options, .report = report, .arg = arg };
	int ret = checkup_open(&c);

	if (ret == 0) {
		ENTRIES_RUN(&c, machine_checks);
		c.others_work = !c.named && one_works(&c);
		for (int i = 0; i < c.count; i++) {
			c.device = &c.devices[i];
			ENTRIES_RUN(&c, device_checks);
		}
		c.device = NULL;
		ENTRIES_RUN(&c, program_checks);
		ret = c.worst;
	}
	checkup_close(&c);
	return ret;
}

int
checks_run_app(const struct host *host, const struct check_options *options, check_report_t report,
	       void *arg)
{
	struct checkup c = { .host = host, .options = options, .report = report, .arg = arg };
	const struct entry app = { "app", check_app };

	entries_run(&c, &app, 1);
	return c.worst;
}
