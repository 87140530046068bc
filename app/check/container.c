/* SPDX-License-Identifier: BSD-3-Clause */

/* What a container or a pod hides from this process, or does not let it have. */

#include "check_private.h"

/*
 * DPDK takes VFIO for not loaded where /sys/module/vfio is not to be seen
 * (rte_eal_check_module()); the library looks for cdevs instead.
 */
void
check_sysfs(struct checkup *c)
{
	if (!host_has(c->host, "/sys/bus/pci/devices"))
		checkup_add(c, CHECK_FAIL, "mount it into the container: -v /sys:/sys:ro",
			    "/sys/bus/pci/devices is not to be seen: /sys is masked, or is not "
			    "mounted");
	else if (!host_has(c->host, "/sys/module/vfio") && module_is_loaded(c->host, "vfio"))
		checkup_add(c, CHECK_WARN,
			    "preload the library, which does not need it; for stock "
			    "DPDK mount it into the container: -v /sys/module:/sys/module:ro",
			    "/sys/module/vfio is not to be seen here, though the module is loaded: "
			    "stock DPDK would find no VFIO");
	else
		checkup_add(c, CHECK_PASS, NULL, "nothing that is needed of /sys is hidden");
}

/* cgroup v1 or v2, as the container sees its own one. */
static long
limit_read(const struct host *host, const char *size)
{
	long limit = host_number(host, 10, "/sys/fs/cgroup/hugetlb.%s.max", size);

	if (limit < 0)
		limit = host_number(host, 10, "/sys/fs/cgroup/hugetlb/hugetlb.%s.limit_in_bytes",
				    size);
	return limit;
}

/* A pod that requests no hugepages has a limit of none. */
void
check_hugepage_limit(struct checkup *c)
{
	struct text none = { 0 };

	if (limit_read(c->host, "2MB") == 0)
		text_list(&none, "2M");
	if (limit_read(c->host, "1GB") == 0)
		text_list(&none, "1G");
	if (none.len > 0)
		checkup_add(c, CHECK_WARN,
			    "request them: resources.limits of the pod "
			    "(hugepages-2Mi: 512Mi, or hugepages-1Gi), or the hugetlb limit of "
			    "the container's cgroup",
			    "this container may have no hugepages of %s: DPDK ends with a bus "
			    "error or finds no memory",
			    none.buf);
}
